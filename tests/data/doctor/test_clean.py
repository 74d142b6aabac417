from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.doctor.clean import clean
from centernet.structures import Annotations, Categories, Dataset, ImageRecord, Skeleton


def record(path: Path, *boxes: tuple[float, ...], size: tuple[int, int] | None = (50, 100)) -> ImageRecord:
    """An image of 100×50 with boxes of class 0."""
    if not path.exists():
        Image.new("RGB", (100, 50)).save(path)
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    annotations = Annotations.of(corners, np.zeros(len(boxes), dtype=np.int64))
    return ImageRecord(path=path, image_id=1, annotations=annotations, source="labels.txt", size=size)


def dataset(*records: ImageRecord) -> Dataset:
    return Dataset(name="set", format="yolo", categories=Categories.of("cat", "dog"), records=records)


GOOD = (10, 10, 30, 20)


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((5, 5, np.nan, 9), "NaN box"),
        ((5, 5, np.inf, 9), "NaN box"),
        ((5, 5, 5, 9), "zero-area box"),
        ((7, 8, 7, 8), "zero-area box"),
        ((9, 5, 5, 9), "inverted box"),
        ((9, 9, 5, 5), "inverted box"),
        ((100, 5, 120, 9), "box outside the image"),
        ((-30, 5, -1, 9), "box outside the image"),
        (GOOD, "duplicate box"),
    ],
)
def test_harmful_boxes_are_left_out_and_reported(tmp_path: Path, box: tuple[float, ...], kind: str) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", GOOD, box)))

    assert cleaned.records[0].annotations.boxes.tolist() == [list(GOOD)]
    (defect,) = defects
    assert (defect.kind, defect.where, defect.action) == (kind, "labels.txt:2", "the object is left out")


def test_boxes_partly_outside_are_clipped_and_reported(tmp_path: Path) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", (-5, -5, 120, 60), GOOD)))

    assert cleaned.records[0].annotations.boxes.tolist() == [[0, 0, 100, 50], list(GOOD)]
    assert [(defect.kind, defect.action) for defect in defects] == [
        ("out-of-range box", "it is clipped to the image")
    ]
    assert "[-5, -5, 120, 60] is partly outside the image of 100×50" in defects[0].message


def test_rounding_errors_at_the_border_are_clipped_silently(tmp_path: Path) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", (-0.01, 0, 100.01, 50))))

    assert cleaned.records[0].annotations.boxes.tolist() == [[0, 0, 100, 50]]
    assert not defects


def test_the_same_box_of_another_class_or_image_is_no_duplicate(tmp_path: Path) -> None:
    first, second = record(tmp_path / "a.png", GOOD, GOOD), record(tmp_path / "b.png", GOOD)
    annotations = replace(first.annotations, labels=np.array([0, 1]))

    cleaned, defects = clean(dataset(replace(first, annotations=annotations), second))

    assert [len(one.annotations) for one in cleaned.records] == [2, 1]
    assert not defects


def test_the_first_of_three_equal_boxes_stays(tmp_path: Path) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", GOOD, GOOD, GOOD)))

    assert cleaned.records[0].annotations.ids.tolist() == [1]
    assert [defect.where for defect in defects] == ["labels.txt:2", "labels.txt:3"]


def test_a_data_set_without_defects_is_unchanged(tmp_path: Path) -> None:
    whole = dataset(record(tmp_path / "a.png", GOOD), record(tmp_path / "b.png"))

    cleaned, defects = clean(whole)

    assert all(one is other for one, other in zip(cleaned.records, whole.records, strict=True))
    assert not defects


def test_cleaning_twice_changes_nothing_more(tmp_path: Path) -> None:
    once, _ = clean(dataset(record(tmp_path / "a.png", (-5, 0, 20, 20), GOOD, GOOD, (1, 1, 1, 1))))
    twice, defects = clean(once)

    assert twice.records[0] is once.records[0]
    assert not defects


def test_bad_images_are_left_out_with_their_objects(tmp_path: Path) -> None:
    for name, content in {"empty.png": b"", "text.png": b"hello"}.items():
        (tmp_path / name).write_bytes(content)
    cut = record(tmp_path / "cut.jpg", GOOD)
    cut.path.write_bytes(cut.path.read_bytes()[:-50])
    missing = replace(cut, path=tmp_path / "missing.jpg")
    good = record(tmp_path / "a.png", GOOD)

    cleaned, defects = clean(
        dataset(record(tmp_path / "empty.png", GOOD, GOOD), record(tmp_path / "text.png"), cut, missing, good)
    )

    assert cleaned.records == (good,)
    assert [defect.kind for defect in defects] == 3 * ["corrupt image"] + ["missing image"]
    assert defects[0].action == "the image is left out with its 2 objects"
    assert defects[2].action == "the image is left out with its object"
    assert "cut short" in defects[2].message


def test_the_same_file_twice_is_used_once(tmp_path: Path) -> None:
    first = record(tmp_path / "a.png", GOOD)

    cleaned, defects = clean(dataset(first, replace(first, image_id=2)))

    assert len(cleaned) == 1
    assert [(one.kind, one.message) for one in defects] == [
        ("duplicate image", "image 2 is the same file as image 1")
    ]


def test_a_wrong_size_is_reported_and_that_of_the_file_used(tmp_path: Path) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", GOOD, size=(51, 99))))

    assert cleaned.records[0].size == (50, 100)
    assert [defect.kind for defect in defects] == ["wrong image size"]
    assert defects[0].message == "the image is 100×50 but labels.txt states 99×51"


def test_a_size_that_was_not_stated_is_filled_in(tmp_path: Path) -> None:
    cleaned, defects = clean(dataset(record(tmp_path / "a.png", size=None)))

    assert cleaned.records[0].size == (50, 100)
    assert not defects


def test_a_data_set_of_bad_images_becomes_empty(tmp_path: Path) -> None:
    gone = replace(record(tmp_path / "a.png", GOOD), path=tmp_path / "gone.png")

    assert len(clean(dataset(gone))[0]) == 0


def with_keypoints(path: Path, *keypoints: tuple[float, float, float]) -> Dataset:
    """An image of 100×50 with one object of two keypoints."""
    one = record(path, GOOD)
    annotations = Annotations.of(
        one.annotations.boxes, np.array([1]), np.array([keypoints], dtype=np.float32)
    )
    skeletons = (None, Skeleton(names=("cap", "end")))
    return replace(
        dataset(replace(one, annotations=annotations)),
        categories=Categories(("cat", "tube"), (0, 1), skeletons),
    )


@pytest.mark.parametrize(
    ("broken", "kind", "message"),
    [
        ((-3, 5, 2), "keypoint outside the image", "cap at (-3, 5): outside the image of 100×50"),
        ((50, 51, 1), "keypoint outside the image", "cap at (50, 51): outside the image of 100×50"),
        ((np.nan, 5, 2), "NaN keypoint", "cap: the coordinates are not finite"),
        ((5, np.inf, 1), "NaN keypoint", "cap: the coordinates are not finite"),
        ((5, 5, -1), "visibility", "cap: visibility -1, not 0, 1 or 2"),
        ((5, 5, 0), "keypoint without visibility", "cap: coordinates, but visibility 0"),
    ],
)
def test_invalid_keypoints_are_not_labelled_and_reported(
    tmp_path: Path, broken: tuple[float, float, float], kind: str, message: str
) -> None:
    cleaned, defects = clean(with_keypoints(tmp_path / "a.png", broken, (20, 15, 1)))

    annotations = cleaned.records[0].annotations
    assert annotations.boxes.tolist() == [list(GOOD)]
    assert annotations.keypoints.tolist() == [[[0, 0, 0], [20, 15, 1]]]
    (defect,) = defects
    assert (defect.kind, defect.where) == (kind, "labels.txt:1")
    assert defect.message.startswith(message)
    assert not clean(cleaned)[1]


@pytest.mark.parametrize("place", [(0, 0), (100, 50), (-0.05, 50.05)])
def test_keypoints_on_the_border_are_labelled(tmp_path: Path, place: tuple[float, float]) -> None:
    whole = with_keypoints(tmp_path / "a.png", (*place, 2), (0, 0, 0))

    cleaned, defects = clean(whole)

    assert cleaned.records[0] is whole.records[0]
    assert not defects


def test_an_object_is_left_out_with_its_keypoints(tmp_path: Path) -> None:
    whole = with_keypoints(tmp_path / "a.png", (-9, 5, 2), (20, 15, 2))
    broken = replace(whole.records[0].annotations, boxes=np.array([[5, 5, 5, 5]], dtype=np.float32))

    cleaned, defects = clean(replace(whole, records=(replace(whole.records[0], annotations=broken),)))

    assert cleaned.records[0].annotations.keypoints.shape == (0, 2, 3)
    assert [defect.kind for defect in defects] == ["zero-area box"]
