import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from centernet.data.formats import coco
from centernet.data.formats.catalog import open_dataset, splits
from centernet.errors import InputError
from centernet.structures import Dataset


def content(**changes: Any) -> dict[str, Any]:
    """Two images, of which one is empty, and two objects in sparse, unsorted categories."""
    whole = {
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 64, "height": 48},
            {"id": 3, "file_name": "b.jpg", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 11, "image_id": 7, "category_id": 90, "bbox": [1, 2, 30, 4.5], "area": 77.5, "iscrowd": 0},
            {"id": 5, "image_id": 7, "category_id": 2, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 1},
        ],
        "categories": [{"id": 90, "name": "brush"}, {"id": 2, "name": "bicycle"}],
    }
    return whole | changes


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def read_annotations(tmp_path: Path, *annotations: Any) -> Dataset:
    return coco.read(write_json(tmp_path / "train.json", content(annotations=list(annotations))))


def test_objects_have_corners_ids_areas_and_crowds(tmp_path: Path) -> None:
    first, second = coco.read(write_json(tmp_path / "train.json", content())).records

    assert (first.image_id, second.image_id) == (7, 3)
    assert first.size == (48, 64)
    assert first.annotations.boxes.tolist() == [[1, 2, 31, 6.5], [0, 0, 10, 10]]
    assert first.annotations.ids.tolist() == [11, 5]
    assert first.annotations.areas.tolist() == [77.5, 100]
    assert first.annotations.is_crowd.tolist() == [False, True]
    assert len(second.annotations) == 0


def test_labels_follow_sorted_category_ids(tmp_path: Path) -> None:
    dataset = coco.read(write_json(tmp_path / "train.json", content()))

    assert dataset.categories.names == ("bicycle", "brush")
    assert dataset.categories.ids == (2, 90)
    assert dataset.records[0].annotations.labels.tolist() == [1, 0]


def test_a_missing_area_is_that_of_the_box(tmp_path: Path) -> None:
    dataset = read_annotations(tmp_path, {"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 4, 5]})

    assert dataset.records[0].annotations.areas.tolist() == [20]
    assert dataset.records[0].annotations.is_crowd.tolist() == [False]


def test_a_box_of_numbers_as_texts_is_read_and_an_area_below_0_is_that_of_the_box(tmp_path: Path) -> None:
    entry = {"id": 1, "image_id": 7, "category_id": 2, "bbox": ["1", " 2.5", 4, "5e0"], "area": -3}
    annotations = read_annotations(tmp_path, entry).records[0].annotations

    assert annotations.boxes.tolist() == [[1, 2.5, 5, 7.5]]
    assert annotations.areas.tolist() == [20]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"bbox": [1, 2, math.nan, 4]}, "broken box", "is not finite"),
        ({"bbox": [1, 2, math.inf, 4]}, "broken box", "is not finite"),
        ({"bbox": [1, 2, 10**400, 4]}, "broken box", "is not finite"),
        ({"bbox": [1, 2, None, 4]}, "broken box", "holds None, which is not a number"),
        ({"bbox": [1, 2, "3 px", 4]}, "broken box", "holds '3 px', which is not a number"),
        ({"bbox": [1, 2, "nan", 4]}, "broken box", "is not finite"),
        ({"bbox": [1, 2, True, 4]}, "broken box", "holds True"),
        ({"bbox": [1, 2, 3]}, "broken box", "has 3 numbers, not 4"),
        ({"bbox": []}, "broken box", "has 0 numbers, not 4"),
        ({"bbox": None}, "broken box", "bbox is None"),
        ({"category_id": 3}, "unknown class", "no category has id 3"),
        ({"category_id": None}, "unknown class", "no category has id None"),
        ({"image_id": 8}, "unknown image", "no image has id 8"),
        ({"image_id": "x"}, "unknown image", "no image has id 'x'"),
    ],
)
def test_a_broken_object_is_left_out_and_reported(
    tmp_path: Path, change: dict[str, Any], kind: str, words: str
) -> None:
    good = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 4, 5]}

    dataset = read_annotations(tmp_path, good, good | {"id": 17} | change)

    assert dataset.records[0].annotations.ids.tolist() == [1]
    (defect,) = dataset.defects
    assert defect.kind == kind
    assert defect.where == f"{tmp_path / 'train.json'}, annotation 17"
    assert words in defect.message
    assert len(str(defect).splitlines()) == 1


@pytest.mark.parametrize("entry", [None, 3, [], {"bbox": [0, 0, 1, 1]}, {"id": 1e400}])
def test_an_object_without_an_id_is_reported_by_its_position(tmp_path: Path, entry: Any) -> None:
    dataset = read_annotations(tmp_path, entry)

    assert dataset.defects[0].where.endswith("train.json, annotations[0]")


def test_invalid_images_are_left_out_and_reported(tmp_path: Path) -> None:
    images = [
        {"id": 7, "file_name": "a.jpg"},
        {"id": 7, "file_name": "b.jpg"},
        {"id": 1.5, "file_name": "c.jpg"},
        {"id": 8},
        "d.jpg",
    ]

    dataset = coco.read(write_json(tmp_path / "train.json", content(images=images)))

    assert [record.path.name for record in dataset.records] == ["a.jpg"]
    assert dataset.records[0].size is None
    assert [defect.kind for defect in dataset.defects] == ["duplicate image id"] + 3 * ["broken image entry"]


def test_two_annotations_with_one_id_are_used_and_reported(tmp_path: Path) -> None:
    entry = {"id": 1, "image_id": 7, "category_id": 2, "bbox": [0, 0, 4, 5]}

    dataset = read_annotations(tmp_path, entry, entry | {"bbox": [1, 1, 4, 5]})

    assert len(dataset.records[0].annotations) == 2
    assert [defect.kind for defect in dataset.defects] == ["duplicate annotation id"]
    assert [entry["id"] for entry in coco.to_coco(dataset)["annotations"]] == [1, 2]


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
@pytest.mark.parametrize("value", [None, {}, "x"])
def test_a_missing_list_is_reported_with_its_file(tmp_path: Path, key: str, value: Any) -> None:
    file = write_json(tmp_path / "instances_train.json", content(**{key: value}))

    with pytest.raises(InputError, match=f"instances_train.json has no list '{key}'"):
        coco.read(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not json: "),
        ("[]", "is not a COCO file: it holds a list, not an object"),
        ("[" * 100_000, "is not json: "),
        ("\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_coco_is_reported(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "instances_train.json"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(InputError, match=f"instances_train.json {words}"):
        coco.read(tmp_path, "train")


@pytest.mark.parametrize(
    "categories", [[], [{"id": 1}], [{"name": "a"}], [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], [None]]
)
def test_broken_categories_stop_the_reading(tmp_path: Path, categories: list[Any]) -> None:
    with pytest.raises(InputError, match=r"train\.json.* categories"):
        coco.read(write_json(tmp_path / "train.json", content(categories=categories)))


@pytest.mark.parametrize(
    ("json_file", "image_folder"),
    [
        ("annotations/instances_train2017.json", "train2017"),
        ("annotations/instances_train2017.json", "images/train2017"),
        ("annotations/instances_train.json", "train"),
        ("annotations/instances_train.json", "images/train"),
        ("annotations/instances_train.json", "images"),
        ("annotations/instances_train.json", "."),
        ("annotations/train.json", "train/images"),
        ("train/_annotations.coco.json", "train"),
        ("train/annotations.json", "train/images"),
        ("train.json", "train"),
        ("train/labels.json", "train/data"),
    ],
)
def test_images_are_found_in_the_usual_layouts(tmp_path: Path, json_file: str, image_folder: str) -> None:
    write_json(tmp_path / json_file, content())
    (tmp_path / image_folder).mkdir(parents=True, exist_ok=True)
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (64, 48)).save(tmp_path / image_folder / name)

    dataset = open_dataset(tmp_path, "train")

    assert all(record.path.is_file() for record in dataset.records)


def test_file_names_may_hold_folders_of_either_slash(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "deep\\a.jpg"}, {"id": 3, "file_name": "deep/b.jpg"}]
    write_json(tmp_path / "annotations" / "train.json", content(images=images))
    (tmp_path / "images" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (64, 48)).save(tmp_path / "images" / "deep" / name)

    assert all(record.path.is_file() for record in coco.read(tmp_path, "train").records)


def test_a_missing_image_is_expected_beside_the_others(tmp_path: Path) -> None:
    write_json(tmp_path / "annotations" / "train.json", content())
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / "a.jpg")

    assert coco.read(tmp_path, "train").records[1].path == tmp_path / "images" / "b.jpg"


def test_files_of_other_tasks_are_not_taken_for_detection(tmp_path: Path) -> None:
    for name in ("person_keypoints_train", "captions_train", "image_info_test"):
        write_json(tmp_path / "annotations" / f"{name}.json", content())

    assert not coco.identify(tmp_path)

    write_json(tmp_path / "annotations" / "instances_val.json", content())
    assert coco.splits(tmp_path) == ("val",)
    assert splits(tmp_path) == ("val",)


def test_json_of_something_else_is_not_coco(tmp_path: Path) -> None:
    write_json(tmp_path / "settings.json", {"images": 3})

    assert not coco.identify(tmp_path)


def test_two_files_for_one_split_are_ambiguous(tmp_path: Path) -> None:
    for name in ("train_a", "train_b"):
        write_json(tmp_path / "annotations" / f"{name}.json", content())

    with pytest.raises(InputError, match=r"train_a.json and .*train_b.json could both be split 'train'"):
        coco.read(tmp_path, "train")


def test_to_coco_gives_the_content_of_the_file(tmp_path: Path) -> None:
    back = coco.to_coco(coco.read(write_json(tmp_path / "train.json", content())))

    expected = content()
    expected["categories"].sort(key=lambda category: category["id"])
    assert back == expected


def test_to_coco_is_plain_json(tmp_path: Path) -> None:
    back = coco.to_coco(coco.read(write_json(tmp_path / "train.json", content())))

    assert json.loads(json.dumps(back)) == back


def test_objects_in_any_order_belong_to_their_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 9, "height": 9} for i in range(100)]
    owners = rng.integers(100, size=2000)
    annotations = [
        {"id": i + 1, "image_id": int(owner), "category_id": 2, "bbox": [0, 0, 1, int(owner) + 1]}
        for i, owner in enumerate(owners)
    ]
    file = write_json(tmp_path / "train.json", content(images=images, annotations=annotations))

    for record in coco.read(file).records:
        assert set(record.annotations.boxes[:, 3].tolist()) <= {record.image_id + 1}
        assert len(record.annotations) == int((owners == record.image_id).sum())


def test_the_real_subset_is_read(real_data: Path) -> None:
    train, val = (open_dataset(real_data / "coco_cc", split) for split in ("train", "val"))

    assert (len(train), len(val)) == (28, 10)
    assert sum(len(record.annotations) for record in train.records) == 297
    assert sum(int(record.annotations.is_crowd.sum()) for record in train.records) == 5
    assert train.categories == val.categories
    assert train.categories.ids[-1] == 90
    assert not train.defects
    assert all(record.path.is_file() for record in train.records)
