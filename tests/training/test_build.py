"""Data and predictor that a training starts with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from centernet.data.synthetic import write_scenes
from centernet.errors import UsageError
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Annotations, Categories, Dataset, ImageRecord
from centernet.training.build import adapt_to_data
from centernet.training.data import open_training_data
from centernet.training.holding_out import hold_out, read_list, write_list


def test_a_skeleton_in_the_recipe_replaces_that_of_the_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=2, val=1, mode="figures", num_keypoints=5)
    recipe = Recipe(task="pose", flip_pairs="0:1,2:3", edges="0:4", sigmas="1,2,3,4,5")
    training, validation = open_training_data(str(data), recipe)

    assert validation is not None
    for dataset in (training, validation):
        (skeleton,) = dataset.categories.skeletons
        assert skeleton is not None
        assert skeleton.pairs == ((0, 1), (2, 3))
        assert skeleton.edges == ((0, 4),)
        assert skeleton.sigmas == (1, 2, 3, 4, 5)
    capsys.readouterr()


@pytest.mark.parametrize("name", ["val2017", "valid", "validation"])
def test_validation_images_are_found_under_every_usual_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _renamed(tmp_path, {"train": "train2017", "val": name})
    _, validation = open_training_data(str(data), Recipe())

    assert validation is not None
    assert len(validation) == 1
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", ["test", "testing", "test2017"])
def test_a_warning_says_that_weights_are_selected_on_test_images(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, validation = open_training_data(str(_renamed(tmp_path, {"val": name})), Recipe())

    assert validation is not None
    assert f"has no val: the best weights are selected on {name.rstrip('2017')}" in capsys.readouterr().err


def test_a_warning_says_that_there_are_no_validation_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(_renamed(tmp_path, {"val": "extra"}))
    training, validation = open_training_data(data, Recipe(val_split=0.0))

    assert validation is None
    assert len(training) == 4
    assert "has no validation images, so AP is not measured" in capsys.readouterr().err


def test_without_validation_images_the_same_fifth_is_held_out_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_scenes(tmp_path / "scenes", train=20, val=0, size=64))
    parts = [open_training_data(data, Recipe(seed=seed)) for seed in (0, 1)]
    names = [{record.path.name for record in validation.records} for _, validation in parts if validation]

    assert names[0] == names[1]
    assert [len(training) for training, _ in parts] == [16, 16]
    assert "4 of 20 are held out, the same in every run (val_split=0.2)" in capsys.readouterr().err


def test_three_images_are_all_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(write_scenes(tmp_path / "scenes", train=3, val=0, size=64))
    training, validation = open_training_data(data, Recipe())

    assert (len(training), validation) == (3, None)
    assert "too few to hold some out (3, not 4), so AP is not measured" in capsys.readouterr().err


def test_a_resumed_run_holds_out_the_images_of_its_list_whatever_was_added(tmp_path: Path) -> None:
    data = str(write_scenes(tmp_path / "scenes", train=20, val=0, size=64))
    whole, _ = open_training_data(data, Recipe(val_split=0.0))
    first = replace(whole, records=whole.records[:10])
    _, before = hold_out(data, first, 0.2)
    write_list(tmp_path, before)
    training, validation = open_training_data(data, Recipe(), read_list(tmp_path))

    assert before is not None
    assert validation is not None
    assert [record.path for record in validation.records] == [record.path for record in before.records]
    assert len(training) == 18


def test_a_list_of_an_earlier_run_does_not_stay_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "held_out.txt").write_text("a.jpg\n")
    write_list(tmp_path, None)

    assert read_list(tmp_path) == frozenset()


def test_a_class_without_objects_and_very_few_images_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=2, val=1, size=64)
    for file in data.rglob("*.json"):
        content = json.loads(file.read_text())
        content["categories"].append({"id": 99, "name": "hexagon"})
        file.write_text(json.dumps(content))
    open_training_data(str(data), Recipe())
    printed = capsys.readouterr().err

    assert "no object is of class hexagon, so none is learned: annotate some, or take" in printed
    assert "fewer than 4 training images teach little but themselves: annotate more" in printed


def test_images_are_flipped_only_if_left_right_pairs_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "scenes", train=4, val=1, mode="figures", num_keypoints=2)
    default, paired = Recipe(task="pose"), Recipe(task="pose", flip_pairs="0:1")
    without, _ = open_training_data(str(data), default)
    with_pairs, _ = open_training_data(str(data), paired)

    assert adapt_to_data(default, without, ()).flip == 0
    assert "images are not flipped" in capsys.readouterr().err
    assert adapt_to_data(paired, with_pairs, ()).flip == 0.5
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # At half the size, 40 × 10 and 10 × 40 input pixels: the geometric mean of the halves is 10 pixels.
        ({}, 10 / 4),
        ({"rect": True}, 10 / 4),
        ({"imgsz": 640}, 20 / 4),
        # Both are of √(40 · 10) = 20 px, 5 cells; cells of the second level have 8 px.
        ({"levels": 2, "level_cells": 4.0}, 10 / 4),
        ({"levels": 2, "level_cells": 2.0}, 10 / 8),
        ({"box_scale": 7.0}, 7.0),
        ({"box_bins": 0}, 0.0),
    ],
)
def test_the_scale_of_boxes_is_the_typical_distance_of_the_training_boxes(
    settings: dict[str, Any], expected: float
) -> None:
    recipe = with_settings(Recipe(sides_weight=0.5, box_bins=17, imgsz=320), **settings)
    adapted = adapt_to_data(recipe, _boxes([[0, 0, 80, 20], [100, 50, 120, 130]]), ())

    assert adapted.box_scale == pytest.approx(expected)


def test_a_crowd_region_has_no_say_in_the_scale_of_boxes() -> None:
    boxes = [[0, 0, 80, 20], [0, 0, 640, 320]]
    recipe = Recipe(sides_weight=0.5, box_bins=17)
    alone, with_crowd = (
        adapt_to_data(recipe, _boxes(boxes[:count], crowd=count == 2), ()) for count in (1, 2)
    )

    assert with_crowd == alone


def test_without_a_box_its_scale_must_be_chosen() -> None:
    recipe = Recipe(sides_weight=0.5, box_bins=17)

    with pytest.raises(UsageError, match="and there are none: set box_scale=4"):
        adapt_to_data(recipe, _boxes([]), ())
    assert adapt_to_data(replace(recipe, box_scale=4.0), _boxes([]), ()).box_scale == 4


def _boxes(boxes: list[list[float]], *, crowd: bool = False) -> Dataset:
    """An image of 640 × 320 pixels; `crowd`: the last box is that of a crowd region."""
    annotations = Annotations.of(
        np.array(boxes, dtype=np.float32).reshape(-1, 4), np.zeros(len(boxes), dtype=np.int64)
    )
    if crowd:
        annotations.is_crowd[-1] = True
    record = ImageRecord(
        path=Path("a.png"), image_id=1, annotations=annotations, source="a.json", size=(320, 640)
    )
    return Dataset(name="boxes", format="coco", categories=Categories.of("a"), records=(record,))


def _renamed(folder: Path, names: dict[str, str]) -> Path:
    """Generated scenes whose splits have other names."""
    data = write_scenes(folder / "scenes", train=4, val=1, size=64)
    for path in sorted([*data.rglob("*.json"), data / "train", data / "val"]):
        new = path.name
        for old, name in names.items():
            new = new.replace(old, name)
        path.rename(path.with_name(new))
    return data
