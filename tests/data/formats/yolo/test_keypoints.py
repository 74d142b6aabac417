from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.formats import yolo
from centernet.errors import InputError
from centernet.structures import Dataset, Skeleton
from centernet.structures.skeletons import COCO_PERSON

YAML = "train: images\nval: images\nnames: [glue]\n"
BOX = "0 0.5 0.5 0.2 0.4"


def read(tmp_path: Path, *lines: str, more: str = "kpt_shape: [3, 3]\n") -> Dataset:
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "labels").mkdir(exist_ok=True)
    Image.new("RGB", (100, 50)).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "data.yaml").write_text(YAML + more, encoding="utf-8")
    return yolo.read(tmp_path, "train")


def skeleton_of(dataset: Dataset) -> Skeleton:
    (skeleton,) = dataset.categories.skeletons
    assert skeleton is not None
    return skeleton


def test_fractions_become_pixels(tmp_path: Path) -> None:
    dataset = read(tmp_path, f"{BOX} 0.5 0.5 2 0.1 0.2 1 0 0 0")

    assert not dataset.defects
    objects = dataset.records[0].annotations
    assert objects.boxes == pytest.approx(np.array([[40, 15, 60, 35]]), abs=1e-4)
    assert objects.keypoints == pytest.approx(np.array([[[50, 25, 2], [10, 10, 1], [0, 0, 0]]]), abs=1e-5)


def test_without_visibility_all_are_visible_but_those_at_the_corner(tmp_path: Path) -> None:
    dataset = read(tmp_path, f"{BOX} 0.5 0.5 0.1 0.2 0 0", more="kpt_shape: [3, 2]\n")

    assert dataset.records[0].annotations.keypoints[0, :, 2].tolist() == [2, 2, 0]
    assert not dataset.defects


def test_a_line_of_five_columns_is_an_object_without_keypoints(tmp_path: Path) -> None:
    dataset = read(tmp_path, BOX, "")

    assert dataset.records[0].annotations.keypoints.tolist() == [[[0] * 3] * 3]
    assert not dataset.defects


@pytest.mark.parametrize(
    ("columns", "kind", "words", "kept"),
    [
        ("0.5 0.5 2", "keypoint count", "8 columns, but class, box and 3 keypoints are 14", [0, 0, 0]),
        (
            "0.5 nan 2 0.1 0.2 1 0 0 0",
            "NaN keypoint",
            "the coordinates are not finite",
            [0, 1, 0],
        ),
        ("0.5 0.5 7 0.1 0.2 1 0 0 0", "visibility", "keypoint_1: visibility 7", [2, 1, 0]),
        ("0.5 0.5 0 0.1 0.2 1 0 0 0", "keypoint without visibility", "keypoint_1: coordinates", [0, 1, 0]),
    ],
)
def test_invalid_keypoints_are_not_labelled_and_reported_by_line(
    tmp_path: Path, columns: str, kind: str, words: str, kept: list[int]
) -> None:
    dataset = read(tmp_path, f"{BOX} 0.5 0.5 2 0.1 0.2 1 0 0 0", f"{BOX} {columns}")

    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == (kind, f"{tmp_path / 'labels' / 'a.txt'}:2")
    assert words in defect.message
    assert dataset.records[0].annotations.keypoints[:, :, 2].tolist() == [[2, 1, 0], kept]


def test_flip_idx_gives_the_pairs_and_kpt_names_the_names(tmp_path: Path) -> None:
    more = "kpt_shape: [3, 3]\nflip_idx: [1, 0, 2]\nkpt_names: {0: [a, b, c]}\nkpt_sigmas: [1, 2, 3]\n"
    skeleton = skeleton_of(read(tmp_path, more=more + "kpt_edges: [[0, 2]]\n"))

    assert skeleton == Skeleton(
        names=("a", "b", "c"), edges=((0, 2),), pairs=((0, 1),), sigmas=(1.0, 2.0, 3.0)
    )


def test_names_give_the_pairs_where_flip_idx_does_not(tmp_path: Path) -> None:
    more = "kpt_shape: [3, 3]\nkpt_names: [eye_l, eye_r, nose]\n"

    assert skeleton_of(read(tmp_path, more=more)).pairs == ((0, 1),)


def test_a_person_with_the_flip_idx_of_coco_is_that_of_coco(tmp_path: Path) -> None:
    more = f"kpt_shape: [17, 3]\nflip_idx: {list(COCO_PERSON.flip_indices)}\n"
    glue = read(tmp_path, more=more)
    text = (tmp_path / "data.yaml").read_text(encoding="utf-8")
    (tmp_path / "data.yaml").write_text(text.replace("glue", "Person"), encoding="utf-8")

    assert skeleton_of(yolo.read(tmp_path, "train")) == COCO_PERSON
    assert skeleton_of(glue).names[0] == "keypoint_1"


@pytest.mark.parametrize(
    ("flip_idx", "words"),
    [
        ("[1, 2, 0]", "flip_idx exchanges keypoint 0 with 1, but 1 with 2"),
        ("[0, 1, 3]", "flip_idx exchanges keypoint 2 with 3, which does not exist"),
        ("[1, 0]", "flip_idx [1, 0] is not a list of 3 numbers"),
        ("left", "flip_idx 'left' is not a list of 3 numbers"),
    ],
)
def test_a_flip_idx_without_pairs_is_reported_and_not_used(tmp_path: Path, flip_idx: str, words: str) -> None:
    dataset = read(tmp_path, more=f"kpt_shape: [3, 3]\nflip_idx: {flip_idx}\n")

    (defect,) = dataset.defects
    assert (defect.kind, defect.where) == ("left-right pairs", f"{tmp_path / 'data.yaml'}, class 0")
    assert defect.message == words
    assert skeleton_of(dataset).pairs == ()


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ("kpt_names: [a, b, c, d]\n", "keypoint names", "are not 3 names"),
        ("kpt_sigmas: [1, 2]\n", "sigmas", "there are 2 sigmas for 3 keypoints"),
        ("kpt_edges: [[0, 7]]\n", "edges", "edge [0, 7] names no keypoints: there are 3, counted from 0"),
    ],
)
def test_other_invalid_fields_are_reported(tmp_path: Path, more: str, kind: str, words: str) -> None:
    (defect,) = read(tmp_path, more="kpt_shape: [3, 3]\n" + more).defects

    assert defect.kind == kind
    assert words in defect.message


@pytest.mark.parametrize("shape", ["[3, 4]", "[0, 3]", "3", "[a, 3]"])
def test_an_invalid_kpt_shape_is_an_error(tmp_path: Path, shape: str) -> None:
    with pytest.raises(InputError, match=r"data.yaml, kpt_shape: give \[number of keypoints, 2 or 3\]; got"):
        read(tmp_path, more=f"kpt_shape: {shape}\n")


def test_classes_with_different_pairs_are_read_as_written(tmp_path: Path) -> None:
    more = "kpt_shape: [3, 3]\nflip_idx: {0: [1, 0, 2], 1: [0, 2, 1]}\nnames: [a, b]\n"
    yaml = YAML.replace("names: [glue]\n", "") + more
    read(tmp_path)
    (tmp_path / "data.yaml").write_text(yaml, encoding="utf-8")
    dataset = yolo.read(tmp_path, "train")

    yolo.write(dataset, tmp_path / "copy", "train")

    assert yolo.read(tmp_path / "copy", "train").categories == dataset.categories
    assert [one.pairs for one in dataset.categories.skeletons if one] == [((0, 1),), ((1, 2),)]
