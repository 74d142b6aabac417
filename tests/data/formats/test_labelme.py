"""Shapes of LabelMe's files as boxes."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from centernet.data.formats import labelme
from centernet.errors import InputError
from centernet.structures import Dataset


def shape(points: list[Any], kind: str = "rectangle", label: Any = "car", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, **more}


def add(folder: Path, name: str, *shapes: Any, **more: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96, 64)).save(folder / f"{name}.png")
    content = {
        "shapes": list(shapes),
        "imagePath": f"{name}.png",
        "imageHeight": 64,
        "imageWidth": 96,
        **more,
    }
    (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def read(folder: Path, *shapes: Any) -> Dataset:
    add(folder, "a", *shapes)
    return labelme.read(folder)


@pytest.mark.parametrize(
    ("one", "box"),
    [
        (shape([[40, 8], [10, 30]]), [10, 8, 40, 30]),
        (shape([[1, 2], [9, 4], [5, 12.5]], "polygon"), [1, 2, 9, 12.5]),
        (shape([[20, 20], [23, 24]], "circle"), [15, 15, 25, 25]),
        (shape([[3, 4], [8, 9]], "mask", mask="iVBORw0KGgo="), [3, 4, 8, 9]),
        ({"label": "car", "points": [[1, 2], [9, 4], [5, 12]]}, [1, 2, 9, 12]),
    ],
    ids=["rectangle", "polygon", "circle", "mask", "old"],
)
def test_a_box_is_the_hull_of_a_shape(tmp_path: Path, one: dict[str, Any], box: list[float]) -> None:
    dataset = read(tmp_path, one)

    assert dataset.records[0].annotations.boxes.tolist() == [box]
    assert dataset.records[0].size == (64, 96)
    assert dataset.defects == ()


def test_shapes_of_one_label_and_group_are_one_object(tmp_path: Path) -> None:
    left, right = [[0, 0], [10, 10]], [[20, 5], [30, 40]]
    dataset = read(
        tmp_path,
        shape(left, group_id=1),
        shape(right, group_id=1),
        shape(left, group_id=2),
        shape(left, label="bus", group_id=1),
    )

    annotations = dataset.records[0].annotations
    assert annotations.boxes.tolist() == [[0, 0, 30, 40], [0, 0, 10, 10], [0, 0, 10, 10]]
    assert annotations.labels.tolist() == [1, 1, 0]
    assert dataset.categories.names == ("bus", "car")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (shape([[1, 1]], "point"), "car is a point: no box"),
        (shape([[1, 1], [5, 5]], "line"), "car is a line: no box"),
        (shape([[1, 1]]), "a rectangle has 2 points or more; got 1"),
        (shape([[1, 1], [2, None]]), "point [2, None] is not x, y"),
        (shape("all"), "got no"),
        (shape([[1, 1], [2, 2]], label=None), "it has no label"),
        (3, "it has no label"),
    ],
    ids=str,
)
def test_other_shapes_are_left_out_and_named_by_their_position(tmp_path: Path, one: Any, words: str) -> None:
    dataset = read(tmp_path, shape([[0, 0], [9, 9]]), one)

    (defect,) = dataset.defects
    assert len(dataset.records[0].annotations) == 1
    assert defect.where == f"{tmp_path / 'a.json'}, annotation 2"
    assert words in defect.message


def test_folders_are_splits_that_agree_on_classes_and_images_without_a_file_are_named(tmp_path: Path) -> None:
    add(tmp_path / "train", "a", shape([[0, 0], [9, 9]], label="zebra"))
    add(tmp_path / "val", "b", shape([[0, 0], [9, 9]], label="ape"))
    Image.new("RGB", (96, 64)).save(tmp_path / "val" / "c.png")

    train, val = labelme.read(tmp_path, "train"), labelme.read(tmp_path, "val")

    assert train.categories == val.categories
    assert train.categories.names == ("ape", "zebra")
    assert [defect.kind for defect in val.defects] == ["image without annotation file"]


def test_a_broken_file_is_left_out_and_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    add(tmp_path, "a", shape([[0, 0], [9, 9]]))
    (tmp_path / "b.json").write_text("{", encoding="utf-8")

    assert labelme.read(tmp_path).defects[0].kind == "broken annotation file"
    (tmp_path / "a.json").unlink()
    with pytest.raises(InputError, match="holds no LabelMe data set"):
        labelme.read(tmp_path)
