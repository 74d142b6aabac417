from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from centernet.data.doctor.preview import contact_sheet_of
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import FIGURES, write_scenes
from centernet.drawing import class_color
from centernet.drawing.keypoints import LEFT, RIGHT
from centernet.errors import InputError, UsageError
from centernet.structures import Categories, Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return open_dataset(write_scenes(tmp_path / "scenes", train=6, val=0, size=64), "train")


def test_boxes_are_drawn_in_the_colours_of_their_classes(dataset: Dataset) -> None:
    sheet = contact_sheet_of(dataset, 6, tile=128)
    labels = np.unique(np.concatenate([record.annotations.labels for record in dataset.records]))

    assert all((sheet == class_color(int(label))).all(axis=2).sum() > 100 for label in labels)


def test_the_images_depend_on_the_seed(dataset: Dataset) -> None:
    first, again, other = (contact_sheet_of(dataset, 2, seed=seed, tile=64) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_larger_count_than_there_are_images_gives_all_of_them(dataset: Dataset) -> None:
    assert np.array_equal(contact_sheet_of(dataset, 6), contact_sheet_of(dataset, 100))


def test_a_broken_image_becomes_a_grey_tile(dataset: Dataset) -> None:
    dataset.records[0].path.write_bytes(b"no image")
    dataset.records[1].path.unlink()
    sheet = contact_sheet_of(dataset, 6, tile=64)

    grey = (sheet == (96, 98, 102)).all(axis=2).sum()
    assert 64 * 64 < grey < 2 * 64 * 64


def test_an_empty_data_set_is_an_input_error(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="has no images: there is nothing to preview"):
        contact_sheet_of(replace(dataset, records=()))


@pytest.mark.parametrize("settings", [{"count": 0}, {"columns": 0}, {"tile": 5}, {"tile": 10**6}])
def test_invalid_numbers_are_refused(dataset: Dataset, settings: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        contact_sheet_of(dataset, **settings)


def test_keypoints_are_drawn_in_the_colours_of_left_and_right(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "figures", train=4, val=0, mode=FIGURES)
    dataset = open_dataset(folder, "train", with_keypoints=True)
    without = replace(dataset, categories=Categories.of("figure"))
    sheet, plain = (contact_sheet_of(one, 4, tile=256) for one in (dataset, without))

    assert all((sheet == color).all(axis=2).sum() > 50 for color in (LEFT, RIGHT))
    assert not any((plain == color).all(axis=2).sum() > 50 for color in (LEFT, RIGHT))
