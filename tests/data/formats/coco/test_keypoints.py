import json
import math
from pathlib import Path
from typing import Any

import pytest

from centernet.data.formats import coco
from centernet.data.formats.catalog import open_dataset, splits
from centernet.structures import Dataset
from centernet.structures.skeletons import COCO_PERSON

GLUE = {
    "id": 1,
    "name": "glue",
    "keypoints": ["cap", "left_edge", "right_edge"],
    "skeleton": [[1, 2], [1, 3]],
}
WHOLE = [1, 2, 2, 3, 4, 1, 0, 0, 0]


def content(category: dict[str, Any], *keypoints: Any) -> dict[str, Any]:
    """One image with an object for each list of keypoints, numbered from 1."""
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, "bbox": [number, 0, 9, 9], "keypoints": value}
            for number, value in enumerate(keypoints, start=1)
        ],
        "categories": [category],
    }


def read(tmp_path: Path, *keypoints: Any, **changes: Any) -> Dataset:
    file = tmp_path / "glue.json"
    file.write_text(json.dumps(content(GLUE | changes, *keypoints)), encoding="utf-8")
    return coco.read(file)


def test_three_numbers_of_each_keypoint_are_coordinates_and_visibility(tmp_path: Path) -> None:
    dataset = read(tmp_path, WHOLE)

    (skeleton,) = dataset.categories.skeletons
    assert skeleton is not None
    assert skeleton.names == ("cap", "left_edge", "right_edge")
    assert skeleton.edges == ((0, 1), (0, 2))
    assert skeleton.pairs == ((1, 2),)
    assert skeleton.sigmas == ()
    assert dataset.records[0].annotations.keypoints.tolist() == [[[1, 2, 2], [3, 4, 1], [0, 0, 0]]]
    assert not dataset.defects


def test_a_person_is_recognised_by_the_names(tmp_path: Path) -> None:
    names = list(COCO_PERSON.names)

    dataset = read(tmp_path, name="worker", keypoints=names, skeleton=[])

    assert dataset.categories.skeletons == (COCO_PERSON,)


def test_pairs_and_sigmas_of_a_category_are_read(tmp_path: Path) -> None:
    (by_number,) = read(tmp_path, flip_pairs=[[1, 3]], sigmas=[0.1, 1, 0.3]).categories.skeletons
    (by_name,) = read(tmp_path, flip_pairs=[["cap", "right_edge"]]).categories.skeletons
    (without,) = read(tmp_path, flip_pairs=[]).categories.skeletons

    assert by_number is not None
    assert by_name is not None
    assert without is not None
    assert by_number.pairs == by_name.pairs == ((0, 2),)
    assert by_number.sigmas == (0.1, 1.0, 0.3)
    assert without.pairs == ()


@pytest.mark.parametrize("value", [None, [], [0] * 9])
def test_an_object_without_labelled_keypoints_is_no_defect(tmp_path: Path, value: Any) -> None:
    dataset = read(tmp_path, WHOLE, value)

    assert not dataset.records[0].annotations.keypoints[1].any()
    assert not dataset.defects


def test_classes_may_have_different_keypoints_or_none(tmp_path: Path) -> None:
    whole = content(GLUE, WHOLE)
    whole["categories"] += [{"id": 2, "name": "box"}, {"id": 3, "name": "dot", "keypoints": ["middle"]}]
    whole["annotations"] += [
        {"id": 8, "image_id": 7, "category_id": 2, "bbox": [0, 0, 9, 9]},
        {"id": 9, "image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "keypoints": [5, 6, 2]},
    ]
    (tmp_path / "all.json").write_text(json.dumps(whole), encoding="utf-8")

    dataset = coco.read(tmp_path / "all.json")

    assert dataset.categories.num_keypoints == (3, 0, 1)
    assert dataset.records[0].annotations.keypoints[1:].tolist() == [
        [[0] * 3] * 3,
        [[5, 6, 2], [0] * 3, [0] * 3],
    ]


@pytest.mark.parametrize(
    ("value", "kind", "words", "kept"),
    [
        ([1, 2, 2, 3, 4, 1], "visibility", "6 numbers, x and y without visibility", [2, 2, 2]),
        ([1, 2, 0, 0, 3, 4], "visibility", "6 numbers, x and y without visibility", [2, 0, 2]),
        ([1, 2, 2], "keypoint count", "has 3 numbers, but glue has 3 keypoints: 9", [0, 0, 0]),
        ([1] * 12, "keypoint count", "has 12 numbers, but glue has 3 keypoints: 9", [0, 0, 0]),
        ([1, 2, 3, 3, 4, 1, 0, 0, 0], "visibility", "cap: visibility 3, not 0, 1 or 2", [2, 1, 0]),
        ([1, 2, 0.9, 3, 4, 0.2, 0, 0, -1], "visibility", "visibility 0.9, 0.2, -1, not", [2, 0, 0]),
        ([1, 2, None, 3, 4, 1, 0, 0, 0], "visibility", "cap: visibility nan", [0, 1, 0]),
        (
            [1, math.nan, 2, 3, 4, 1, 0, 0, 0],
            "NaN keypoint",
            "the coordinates are not finite",
            [0, 1, 0],
        ),
        ([None, 2, 2, 3, 4, 1, 0, 0, 0], "NaN keypoint", "the coordinates are not finite", [0, 1, 0]),
        ([1, 10**400, 2, 3, 4, 1, 0, 0, 0], "NaN keypoint", "the coordinates are not finite", [0, 1, 0]),
        (
            [1, 2, 2, 3, 4, 0, 0, 0, 0],
            "keypoint without visibility",
            "left_edge: coordinates",
            [2, 0, 0],
        ),
        ("all", "broken keypoints", "keypoints is 'all', no list", [0, 0, 0]),
    ],
)
def test_invalid_keypoints_are_not_labelled_and_reported_by_annotation(
    tmp_path: Path, value: Any, kind: str, words: str, kept: list[int]
) -> None:
    dataset = read(tmp_path, WHOLE, value)

    assert dataset.records[0].annotations.keypoints[0].ravel().tolist() == WHOLE
    assert dataset.records[0].annotations.keypoints[1, :, 2].tolist() == kept
    assert len(dataset.records[0].annotations) == 2
    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == (kind, f"{tmp_path / 'glue.json'}, annotation 2")
    assert words in defect.message
    assert len(str(defect).splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"skeleton": [[1, 4]]}, "edges", "edge [1, 4] names no keypoints: there are 3, counted from 1"),
        ({"skeleton": [[1, 1]]}, "edges", "edge [1, 1] joins a keypoint with itself"),
        ({"skeleton": [[1, 2, 3]]}, "edges", "edge [1, 2, 3] is no pair of keypoints"),
        ({"skeleton": "none"}, "edges", "edge list is 'none', no list"),
        ({"flip_pairs": [[1, 4]]}, "left-right pairs", "flip pair [1, 4] names no keypoints"),
        ({"flip_pairs": [[0, 1]]}, "left-right pairs", "flip pair [0, 1] names no keypoints"),
        ({"flip_pairs": [[1, 2], [2, 3]]}, "left-right pairs", "flip pair list has left_edge twice"),
        ({"flip_pairs": [[1]]}, "left-right pairs", "flip pair [1] is no pair"),
        ({"flip_pairs": [["cap", "tail"]]}, "left-right pairs", "['cap', 'tail'] names no keypoints"),
        ({"sigmas": [0.1, 0.2]}, "sigmas", "there are 2 sigmas for 3 keypoints"),
        ({"sigmas": [0.1, 0.2, 0]}, "sigmas", "sigmas [0.1, 0.2, 0] are not all numbers above 0"),
        ({"sigmas": 0.1}, "sigmas", "sigmas 0.1 are no list"),
    ],
)
def test_an_invalid_skeleton_is_reported_by_category(
    tmp_path: Path, change: dict[str, Any], kind: str, words: str
) -> None:
    dataset = read(tmp_path, WHOLE, **change)

    assert dataset.records[0].annotations.keypoints[0].ravel().tolist() == WHOLE
    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == (kind, f"{tmp_path / 'glue.json'}, category 1")
    assert words in defect.message


def test_edges_that_count_from_0_are_shifted_and_reported(tmp_path: Path) -> None:
    dataset = read(tmp_path, WHOLE, skeleton=[[0, 1], [0, 2]])

    (skeleton,) = dataset.categories.skeletons
    assert skeleton is not None
    assert skeleton.edges == ((0, 1), (0, 2))
    assert dataset.defects[0].message == "the edges count keypoints from 0, not from 1"


def test_invalid_flip_pairs_leave_none(tmp_path: Path) -> None:
    (skeleton,) = read(tmp_path, WHOLE, flip_pairs=[[1, 2], [2, 3]]).categories.skeletons

    assert skeleton is not None
    assert skeleton.pairs == ()


def test_keypoints_without_names_are_numbered_and_reported(tmp_path: Path) -> None:
    dataset = read(tmp_path, WHOLE, WHOLE, [1, 2, 2], keypoints=None, skeleton=None)

    (skeleton,) = dataset.categories.skeletons
    assert skeleton is not None
    assert skeleton.names == ("keypoint_1", "keypoint_2", "keypoint_3")
    assert [defect.kind for defect in dataset.defects] == ["unnamed keypoints", "keypoint count"]
    assert "its annotations have 3" in dataset.defects[0].message


def test_files_of_keypoints_are_preferred_when_keypoints_are_needed(tmp_path: Path) -> None:
    folder = tmp_path / "annotations"
    folder.mkdir()
    boxes = content({"id": 1, "name": "thing"})
    for split in ("train", "val"):
        (folder / f"instances_{split}.json").write_text(json.dumps(boxes), encoding="utf-8")
    (folder / "person_keypoints_train.json").write_text(json.dumps(content(GLUE, WHOLE)), encoding="utf-8")

    assert open_dataset(tmp_path, "train").categories.names == ("thing",)
    assert open_dataset(tmp_path, "train", with_keypoints=True).categories.names == ("glue",)
    assert splits(tmp_path) == ("train", "val")
    assert splits(tmp_path, with_keypoints=True) == ("train",)


def test_a_folder_with_files_of_keypoints_only_is_read(tmp_path: Path) -> None:
    (tmp_path / "coco_keypoints_val.json").write_text(json.dumps(content(GLUE, WHOLE)), encoding="utf-8")

    assert open_dataset(tmp_path, "val").categories.names == ("glue",)


def test_to_coco_gives_the_content_of_the_file(tmp_path: Path) -> None:
    category = GLUE | {"flip_pairs": [[2, 3]], "sigmas": [0.1, 0.2, 0.3]}
    back = coco.to_coco(read(tmp_path, WHOLE, **category))

    assert json.loads(json.dumps(back)) == back
    assert back["categories"] == [category]
    assert back["annotations"][0]["keypoints"] == WHOLE
    assert back["annotations"][0]["num_keypoints"] == 2


def test_the_persons_of_the_real_subset_are_read(real_data: Path) -> None:
    train = open_dataset(real_data / "coco_cc", "train", with_keypoints=True)
    val = open_dataset(real_data / "coco_cc", "val", with_keypoints=True)

    for dataset, images, persons, with_keypoints in ((train, 28, 105, 55), (val, 10, 30, 13)):
        objects = [record.annotations for record in dataset.records]
        assert len(dataset) == images
        assert sum(map(len, objects)) == persons
        assert sum(int(one.keypoints[..., 2].any(1).sum()) for one in objects) == with_keypoints
        assert not dataset.defects
        assert dataset.categories.skeletons == (COCO_PERSON,)


def test_the_edges_of_other_keypoints_in_a_real_file_are_reported(real_data: Path) -> None:
    dataset = coco.read(real_data / "eval_fixtures" / "crowdpose_keypoints" / "example_crowdpose_val.json")

    assert [defect.kind for defect in dataset.defects] == ["edges"]
    (skeleton,) = dataset.categories.skeletons
    assert skeleton is not None
    assert (len(skeleton), len(skeleton.pairs), skeleton.sigmas[-1]) == (14, 6, 0.079)
