"""Fields of a COCO file as programs write them: all are read, and as few as possible are complained of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from centernet.data.formats import coco
from centernet.data.formats.coco.defect_log import Ids, whole_number
from centernet.data.formats.coco.outlines import box_of_outline
from centernet.structures import Dataset

IMAGE = {"id": 1, "file_name": "a.png", "width": 96, "height": 64}
OBJECT = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30]}


def read(folder: Path, *annotations: Any, images: list[Any] | None = None) -> Dataset:
    content = {
        "images": [IMAGE] if images is None else images,
        "categories": [{"id": 1, "name": "car"}],
        "annotations": list(annotations),
    }
    (folder / "train.json").write_text(json.dumps(content), encoding="utf-8")
    return coco.read(folder / "train.json")


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in OBJECT.items() if name != key}


def test_annotations_without_a_number_as_id_are_numbered_and_that_is_a_note(tmp_path: Path) -> None:
    dataset = read(tmp_path, without("id"), OBJECT | {"id": "6f1c-77"}, OBJECT | {"id": 7})

    assert dataset.records[0].annotations.ids.tolist() == [8, 9, 7]
    assert dataset.defects == ()
    assert [note.message for note in dataset.notes] == ["2 have no id, or one that is no number"]


@pytest.mark.parametrize(
    ("value", "is_crowd"),
    [(None, False), ("", False), ("0", False), ("False", False), (0.0, False), ("1", True), (True, True)],
)
def test_the_crowd_flag_may_be_null_text_or_a_boolean(tmp_path: Path, value: Any, is_crowd: bool) -> None:
    dataset = read(tmp_path, OBJECT | {"iscrowd": value})

    assert dataset.records[0].annotations.is_crowd.tolist() == [is_crowd]
    assert dataset.defects == ()


def test_another_crowd_flag_is_reported_and_counts_as_0(tmp_path: Path) -> None:
    dataset = read(tmp_path, OBJECT | {"iscrowd": "maybe"})

    assert dataset.records[0].annotations.is_crowd.tolist() == [False]
    assert dataset.defects[0].message == "iscrowd is 'maybe', neither 0 nor 1"


@pytest.mark.parametrize(
    ("outline", "box", "area"),
    [
        ([[10, 10, 40, 10, 40, 40, 10, 40]], [10, 10, 40, 40], 900),
        ([10, 10, 40, 10, 40, 40, 10, 40], [10, 10, 40, 40], 900),
        ([[0, 0, 4, 0, 0, 4], [10, 20, 14, 20, 10, 28]], [0, 0, 14, 28], 24),
        # Columns of 4 pixels: 5 background, then 2 rows of column 1, and row 2 of column 2.
        ({"size": [4, 3], "counts": [5, 2, 3, 1, 1]}, [1, 1, 3, 3], 3),
        ({"size": [4, 3], "counts": [5, 5, 2]}, [1, 0, 3, 4], 5),
    ],
    ids=["polygon", "flat", "two", "mask", "columns"],
)
def test_an_object_without_a_box_has_the_box_round_its_outline(
    tmp_path: Path, outline: Any, box: list[float], area: float
) -> None:
    dataset = read(tmp_path, without("bbox") | {"segmentation": outline})

    assert dataset.records[0].annotations.boxes.tolist() == [box]
    assert dataset.records[0].annotations.areas.tolist() == [area]
    assert dataset.defects == ()


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        ([[1, 2, 3, 4]], "a polygon of its segmentation is not x, y"),
        ([[1, 2, 3, 4, 5, "6"]], "a polygon"),
        ([[1, 2, 3, 4, 5, float("nan")]], "a polygon"),
        ("all", "neither polygons nor a mask"),
        ({"size": [4, 3], "counts": [5, 2]}, "add up to 7, not to 4×3 pixels"),
        ({"size": [4, 3], "counts": "~"}, "no run lengths"),
        ({"size": [4, 3], "counts": [13, -1]}, "no run lengths"),
        ({"size": [10**400, 3], "counts": [1]}, "not [height, width]"),
        ({"size": 3, "counts": []}, "not [height, width]"),
        ({"size": [4, 3], "counts": [12]}, "bbox is None"),
    ],
    ids=str,
)
def test_a_broken_outline_is_named(tmp_path: Path, outline: Any, words: str) -> None:
    dataset = read(tmp_path, without("bbox") | {"segmentation": outline})

    assert len(dataset.records[0].annotations) == 0
    assert dataset.defects[0].kind == "broken box"
    assert words in dataset.defects[0].message


def letters_of(runs: list[int]) -> str:
    """Run lengths as COCO's text."""
    text = ""
    for number, run in enumerate(runs):
        value = run - runs[number - 2] if number > 2 else run
        while True:
            code, value = value & 31, value >> 5
            is_last = value == (-1 if code & 16 else 0)
            text += chr(48 + (code if is_last else code | 32))
            if is_last:
                break
    return text


@given(st.lists(st.booleans(), min_size=12, max_size=400).filter(any))
def test_a_mask_as_text_has_the_box_of_its_pixels(pixels: list[bool]) -> None:
    height = 6
    mask = np.array(pixels[: len(pixels) // height * height]).reshape(-1, height).T
    flat = mask.T.reshape(-1)
    runs, value = [0], False
    for pixel in flat.tolist():
        if pixel != value:
            runs, value = [*runs, 0], pixel
        runs[-1] += 1

    found = box_of_outline({"size": list(mask.shape), "counts": letters_of(runs)})

    if not mask.any():
        assert found is None
        return
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    sides = [int(columns.max()) + 1 - left, int(rows.max()) + 1 - top]
    assert found == ([left, top, *sides], mask.sum())


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), (7.0, 7), ("7", 7), (" 7", 7), ("7.0", 7), (True, None), (7.5, None), ("x", None), (None, None)],
)
def test_an_id_may_be_a_number_in_any_spelling(value: Any, number: int | None) -> None:
    assert whole_number(value) == number


def test_ids_that_are_texts_get_the_next_numbers_in_their_order() -> None:
    ids = Ids([3, "x", "12", "y", "x", None])

    assert [ids.number(value) for value in ("x", "y", "12", 3, "z")] == [13, 14, 12, 3, None]


def test_images_may_have_texts_as_ids(tmp_path: Path) -> None:
    images = [IMAGE | {"id": "b1"}, IMAGE | {"id": "b2", "file_name": "b.png"}]

    dataset = read(tmp_path, OBJECT | {"image_id": "b2"}, images=images)

    assert [(record.image_id, len(record.annotations)) for record in dataset.records] == [(1, 0), (2, 1)]
    assert "the first is 'b1'" in dataset.notes[0].message


@pytest.mark.parametrize(
    "name",
    [
        "..\\..\\label-studio\\media\\upload\\4\\cb06-a.png",
        "images\\4/cb06-a.png",
        "/data/upload/4/cb06-a.png",
        "/data/local-files/?d=photos/cb06-a.png",
        "s3://bucket/set/cb06-a.png",
        "/data/upload/4/cb06%2Da.png",
    ],
)
def test_an_image_whose_path_is_of_another_machine_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (96, 64)).save(tmp_path / "images" / "cb06-a.png")

    dataset = read(tmp_path, OBJECT, images=[IMAGE | {"file_name": name}])

    assert dataset.records[0].path == tmp_path / "images" / "cb06-a.png"


def test_of_two_images_of_one_name_the_one_with_most_of_the_stated_folders_is_taken(tmp_path: Path) -> None:
    for folder in ("day", "night"):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        Image.new("RGB", (96, 64)).save(tmp_path / "photos" / folder / "1.png")
    names = ("/home/ada/day/1.png", "/home/ada/1.png")

    first, second = read(
        tmp_path, images=[IMAGE | {"id": n, "file_name": name} for n, name in enumerate(names)]
    ).records

    assert first.path == tmp_path / "photos" / "day" / "1.png"
    assert not second.path.exists()


def test_a_name_that_no_file_can_have_is_that_of_a_missing_image(tmp_path: Path) -> None:
    for name in (300 * "a" + ".png", "a\0b.png"):
        dataset = read(tmp_path, OBJECT, images=[IMAGE | {"file_name": name}])

        assert dataset.records[0].path.name == name


def test_the_images_of_cvats_keypoints_are_in_the_folder_of_their_subset(tmp_path: Path) -> None:
    (tmp_path / "images" / "default").mkdir(parents=True)
    (tmp_path / "annotations").mkdir()
    Image.new("RGB", (96, 64)).save(tmp_path / "images" / "default" / "a.png")
    content = {"images": [IMAGE], "categories": [{"id": 1, "name": "car"}], "annotations": [OBJECT]}
    file = tmp_path / "annotations" / "person_keypoints_default.json"
    file.write_text(json.dumps(content), encoding="utf-8")

    assert coco.read(file).records[0].path == tmp_path / "images" / "default" / "a.png"


def test_hidden_files_are_no_annotations(tmp_path: Path) -> None:
    read(tmp_path, OBJECT)
    (tmp_path / "._train.json").write_bytes(b'\0\5\26\7 "images" "annotations"')

    assert coco.splits(tmp_path) == ("train",)


GROUP = {"id": 0, "name": "cells", "supercategory": "none"}


def categories_read(folder: Path, *categories: dict[str, Any], of_object: int) -> tuple[str, ...]:
    Image.new("RGB", (96, 64)).save(folder / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 96, "height": 64}],
        "categories": categories,
        "annotations": [{"id": 1, "image_id": 1, "category_id": of_object, "bbox": [10, 10, 30, 30]}],
    }
    (folder / "train.json").write_text(json.dumps(content))
    return coco.read(folder / "train.json").categories.names


def test_a_category_that_only_groups_the_others_is_no_class(tmp_path: Path) -> None:
    first, second = ({"id": number, "name": f"c{number}", "supercategory": "cells"} for number in (1, 2))
    same = {"id": 1, "name": "cells", "supercategory": "cells"}

    assert categories_read(tmp_path, GROUP, first, second, of_object=1) == ("c1", "c2")
    assert categories_read(tmp_path, GROUP, same, of_object=1) == ("cells",)
    # It has an object, is alone, or does not group all.
    assert categories_read(tmp_path, GROUP, first, second, of_object=0) == ("cells", "c1", "c2")
    assert categories_read(tmp_path, GROUP, of_object=0) == ("cells",)
    other = {**second, "supercategory": "none"}
    assert categories_read(tmp_path, GROUP, first, other, of_object=1) == ("cells", "c1", "c2")
