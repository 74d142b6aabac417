from pathlib import Path

import cv2
import numpy as np
import pytest

from centernet.data.formats.catalog import open_dataset, splits
from centernet.data.synthetic import Scenes, write_scenes
from centernet.errors import InputError, UsageError
from centernet.io.images import read_image

FORMATS = ["coco", "voc", "yolo"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mode", ["crowd", "hard"])
def test_reading_restores_the_written_samples(tmp_path: Path, name: str, mode: str) -> None:
    folder = write_scenes(tmp_path / "scenes", train=12, val=3, mode=mode, seed=5, format=name)
    dataset = open_dataset(folder, "val")
    scenes = Scenes(mode=mode, seed=5)

    assert dataset.format == name
    assert dataset.categories.names == ("circle", "square", "triangle")
    assert dataset.defects == ()
    assert len(open_dataset(folder, "train")) == 12
    for index, record in enumerate(sorted(dataset.records, key=lambda record: record.path)):
        sample = scenes.sample(index, "val")
        assert np.array_equal(read_image(record.path), sample.image)
        assert record.annotations.labels.tolist() == sample.annotations.labels.tolist()
        assert record.annotations.boxes == pytest.approx(sample.annotations.boxes, abs=1e-3)
        assert record.annotations.areas == pytest.approx(sample.annotations.areas, rel=1e-3)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_arguments_write_the_same_bytes_wherever_they_are_written(tmp_path: Path, name: str) -> None:
    first = write_scenes(tmp_path / "a", train=6, val=2, mode="hard", format=name)
    second = write_scenes(tmp_path / "elsewhere" / "b", train=6, val=2, mode="hard", format=name)

    assert contents(first) == contents(second)


def test_a_split_of_no_images_is_not_written(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", train=2, val=0, test=1)

    assert sorted(splits(folder)) == ["test", "train"]


def test_grey_images_are_written_with_one_channel(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", train=6, val=0, mode="hard")
    images = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.rglob("*.png"))]

    assert [image.ndim for image in images] == [3, 3, 3, 3, 3, 2]


def test_nothing_is_left_beside_the_data_set(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", train=1, val=1)

    assert sorted(path.name for path in folder.iterdir()) == ["annotations", "train", "val"]


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")

    with pytest.raises(UsageError, match="is not empty: give a new folder"):
        write_scenes(tmp_path)


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"format is one of .*; got 'tfrecord'"):
        write_scenes(tmp_path / "scenes", format="tfrecord")
    assert not (tmp_path / "scenes").exists()


def test_no_images_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ask for at least one image"):
        write_scenes(tmp_path / "scenes", train=0, val=0)


def test_a_negative_split_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="val is a number of images, 0 or more; got -3"):
        write_scenes(tmp_path / "scenes", val=-3)


def test_a_file_where_the_folder_should_be_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "scenes").write_text("")

    with pytest.raises(InputError, match=r"scenes cannot be written .File exists"):
        write_scenes(tmp_path / "scenes", train=1)
