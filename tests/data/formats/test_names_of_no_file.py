"""Names that no image can have: the image is missing, and the rest is read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset

NAMES = ("/", ".", "..", "../..", "~", "a\0b", "/dev/null", "\\", f"{300 * 'a'}.png")


def coco(folder: Path, name: str) -> None:
    boxes = [{"id": one, "image_id": one, "category_id": 1, "bbox": [5, 5, 9, 9]} for one in (1, 2)]
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": name}]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]}
    (folder / "train.json").write_text(json.dumps(content))


def yolo(folder: Path, name: str) -> None:
    (folder / "data.yaml").write_text("train: train.txt\nnames: [car]\n")
    (folder / "train.txt").write_text(f"a.png\n{name}\n")
    (folder / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")


def labelme(folder: Path, name: str) -> None:
    shape = {"label": "car", "points": [[5, 5], [14, 14]], "shape_type": "rectangle"}
    for stem, path in (("a", "a.png"), ("b", name)):
        content = {"shapes": [shape], "imagePath": path, "imageHeight": 32, "imageWidth": 32}
        (folder / f"{stem}.json").write_text(json.dumps(content))


def voc(folder: Path, name: str) -> None:
    box = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>14</xmax><ymax>14</ymax></bndbox>"
    for stem, path in (("a", "a.png"), ("b", name.replace("\0", ""))):
        text = f"<filename>{path}</filename><object><name>car</name>{box}</object>"
        (folder / f"{stem}.xml").write_text(f"<annotation>{text}</annotation>")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("write", [coco, yolo, labelme, voc])
def test_an_image_of_such_a_name_is_missing(tmp_path: Path, write: object, name: str) -> None:
    assert callable(write)
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    write(tmp_path, name)

    dataset = open_dataset(tmp_path, None)
    cleaned, defects = clean(dataset)

    assert [record.path.name for record in cleaned.records] == ["a.png"]
    assert [defect.kind for defect in (*dataset.defects, *defects)] == ["missing image"]
