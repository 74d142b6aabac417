"""Boxes of another kind than the format's are told, and ordinary ones are not."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset


def kinds(folder: Path, *boxes: list[float]) -> list[str]:
    """The kinds of defects of a COCO file with these boxes in an image of 96×64 pixels."""
    Image.new("RGB", (96, 64)).save(folder / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box} for box in boxes],
    }
    (folder / "train.json").write_text(json.dumps(content), encoding="utf-8")
    _, defects = clean(open_dataset(folder, "train"))
    return [defect.kind for defect in defects]


def test_boxes_as_fractions_of_the_sides_are_told(tmp_path: Path) -> None:
    assert kinds(tmp_path, [0.1, 0.15, 0.33, 0.48], [0.5, 0.5, 0.5, 0.5]) == ["boxes as fractions"]


def test_boxes_as_fractions_are_told_in_voc_too(tmp_path: Path) -> None:
    Image.new("RGB", (96, 64)).save(tmp_path / "a.png")
    corners = "<xmin>0.1</xmin><ymin>0.2</ymin><xmax>0.5</xmax><ymax>0.9</ymax>"
    item = f"<object><name>car</name><bndbox>{corners}</bndbox></object>"
    (tmp_path / "a.xml").write_text(f"<annotation>{item}</annotation>", encoding="utf-8")

    assert clean(open_dataset(tmp_path))[1][0].kind == "boxes as fractions"


def test_boxes_in_pixels_are_told_where_yolo_has_fractions(tmp_path: Path) -> None:
    Image.new("RGB", (96, 64)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("0 20 20 10 10\n0 0.5 0.5 0.2 0.2\n0 40 30 9 9\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("car\n", encoding="utf-8")

    assert clean(open_dataset(tmp_path))[1][0].kind == "boxes as pixels"


def test_boxes_as_corners_are_told(tmp_path: Path) -> None:
    found = kinds(tmp_path, [10, 10, 40, 40], [60, 30, 90, 60], [2, 3, 8, 9])

    assert found[0] == "boxes as corners"


@pytest.mark.parametrize(
    "boxes",
    [
        [[10, 10, 30, 30]],
        [[1, 1, 96, 64]],
        [[0, 0, 96, 64], [60, 30, 30, 30]],
        [[0.5, 0.5, 0.4, 0.4], [10, 10, 20, 20]],
        [[60, 30, 50, 50]],
    ],
)
def test_ordinary_boxes_are_not_taken_for_others(tmp_path: Path, boxes: list[list[float]]) -> None:
    assert not {"boxes as fractions", "boxes as corners"} & set(kinds(tmp_path, *boxes))


def test_boxes_of_random_objects_are_told_only_where_they_are_corners(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    start = rng.uniform(0, (60, 40), (40, 2))
    side = rng.uniform(4, (36, 24), (40, 2))

    as_sizes = kinds(tmp_path, *np.concatenate([start, side], axis=1).tolist())
    as_corners = kinds(tmp_path, *np.concatenate([start, start + side], axis=1).tolist())

    assert "boxes as corners" not in as_sizes
    assert as_corners[0] == "boxes as corners"
