"""A json file for each image in the form of torchvision's targets."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from centernet.data.formats import torchvision_json
from centernet.data.formats.catalog import open_dataset

BOX = [10, 12, 40, 44]


def add(folder: Path, name: str, content: Any) -> None:
    for part in ("images", "annotations"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96, 64)).save(folder / "images" / f"{name}.jpg")
    (folder / "annotations" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("key", ["boxes", "bboxes"])
def test_keypoints_are_visible_where_torchvision_says_1(tmp_path: Path, key: str) -> None:
    add(tmp_path / "train", "a", {key: [BOX], "keypoints": [[[10, 12, 1], [0, 0, 0]]]})

    dataset = open_dataset(tmp_path, "train", with_keypoints=True)

    annotations = dataset.records[0].annotations
    assert annotations.boxes.tolist() == [BOX]
    assert annotations.keypoints.tolist() == [[[10, 12, 2], [0, 0, 0]]]
    assert dataset.categories.names == ("object",)
    assert dataset.defects == ()


def test_where_a_file_has_a_2_visibility_counts_as_in_coco(tmp_path: Path) -> None:
    add(tmp_path, "a", {"boxes": [BOX], "labels": [1], "keypoints": [[[10, 12, 1], [9, 9, 2]]]})

    (record,) = torchvision_json.read(tmp_path).records

    assert record.annotations.keypoints[0, :, 2].tolist() == [1, 2]


def test_labels_may_be_numbers_or_names(tmp_path: Path) -> None:
    add(tmp_path / "numbers", "a", {"boxes": [BOX, BOX], "labels": [7, 2]})
    add(tmp_path / "words", "a", {"boxes": [BOX, BOX], "labels": ["tube", "cap"]})

    numbers, words = (torchvision_json.read(tmp_path / name) for name in ("numbers", "words"))

    assert (numbers.categories.names, numbers.categories.ids) == (("class_2", "class_7"), (2, 7))
    assert numbers.records[0].annotations.labels.tolist() == [1, 0]
    assert words.categories.names == ("cap", "tube")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"boxes": [BOX, [1, 2, 3]]}, "[1, 2, 3] is not x1, y1, x2, y2"),
        ({"boxes": [BOX, "all"]}, "'all' is not x1"),
        ({"boxes": [BOX, BOX], "keypoints": [[], [[1, 2]]]}, "keypoints are not x, y, visibility"),
    ],
    ids=["short", "text", "keypoints"],
)
def test_a_broken_object_is_named_by_its_position(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    add(tmp_path, "a", content)

    (defect,) = torchvision_json.read(tmp_path).defects

    assert defect.where.endswith("a.json, annotation 2")
    assert words in defect.message


@pytest.mark.parametrize("content", [{"boxes": [BOX], "labels": [1, 2]}, {"boxes": 3}, [], "x"], ids=str)
def test_a_broken_file_is_left_out(tmp_path: Path, content: Any) -> None:
    add(tmp_path, "a", {"boxes": [BOX]})
    add(tmp_path, "b", content)

    dataset = torchvision_json.read(tmp_path)

    assert len(dataset) == 1
    assert dataset.defects[0].kind == "broken annotation file"
