"""Contract of every data format in the tables `FORMATS` and `ROUND_TRIP`."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from centernet.data.formats import coco, yolo
from centernet.data.formats.catalog import (
    FORMATS,
    ROUND_TRIP,
    WRITABLE,
    DatasetFormat,
    WritableFormat,
    format_of,
    open_dataset,
    splits,
)
from centernet.errors import InputError
from centernet.structures import Annotations, Categories, Dataset, ImageRecord, Skeleton

EVERY = pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.__name__)
WRITTEN = pytest.mark.parametrize("one", ROUND_TRIP, ids=lambda one: one.NAME)
WITH_KEYPOINTS = pytest.mark.parametrize("one", [coco, yolo], ids=lambda one: one.NAME)

SIZES = ((48, 64), (33, 17))
CAMERA = np.array([[50, 0, 32, 0], [0, 50, 24, 0], [0, 0, 1, 0]], dtype=np.float64)


@st.composite
def objects(draw: st.DrawFn, size: tuple[int, int]) -> Annotations:
    """Boxes inside an image, also of zero area."""
    rows, columns = size
    points = st.tuples(st.floats(0, columns, width=32), st.floats(0, rows, width=32))
    pairs = draw(st.lists(st.tuples(points, points), max_size=4))
    corners = np.array(pairs, dtype=np.float32).reshape(-1, 2, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    labels = [draw(st.integers(0, 1)) for _ in pairs]
    return Annotations.of(boxes, np.array(labels, dtype=np.int64))


@WRITTEN
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(second=objects(SIZES[1]))
def test_reading_restores_what_was_written(one: WritableFormat, tmp_path: Path, second: Annotations) -> None:
    # One object of each class, so that VOC, which lists no classes, has both.
    corners = np.array([[0, 0, 5, 7], [1, 2, 3, 4]], dtype=np.float32)
    both = (Annotations.of(corners, np.array([0, 1])), second)
    rows = zip(images(tmp_path), both, SIZES, strict=True)
    records = tuple(
        ImageRecord(path=path, image_id=number, annotations=annotations, source="", size=size)
        for number, (path, annotations, size) in enumerate(rows, start=1)
    )
    written = Dataset(name="", format="", categories=Categories.of("a cat", "dög"), records=records)

    one.write(written, tmp_path / "set", "train")
    back = open_dataset(tmp_path / "set", "train")

    assert back.format == one.NAME
    assert back.categories.names == written.categories.names
    assert back.categories.ids == written.categories.ids
    assert not back.defects
    assert [record.image_id for record in back.records] == [1, 2]
    assert [record.size for record in back.records] == list(SIZES)
    for got, expected in zip(back.records, records, strict=True):
        assert got.path.read_bytes() == expected.path.read_bytes()
        assert got.annotations.labels.tolist() == expected.annotations.labels.tolist()
        assert got.annotations.is_crowd.tolist() == expected.annotations.is_crowd.tolist()
        assert got.annotations.boxes == pytest.approx(expected.annotations.boxes, abs=2e-5)
        assert got.annotations.areas == pytest.approx(expected.annotations.areas, abs=2e-2)


def images(folder: Path) -> list[Path]:
    paths = [folder / "image 1.png", folder / "image 2.png"]
    for path, (rows, columns) in zip(paths, SIZES, strict=True):
        if not path.exists():
            Image.new("RGB", (columns, rows)).save(path)
    return paths


@pytest.mark.parametrize("one", WRITABLE, ids=lambda one: one.NAME)
def test_writing_warns_of_what_a_format_cannot_store(one: WritableFormat, tmp_path: Path) -> None:
    face = Categories(("Car",), (0,), (Skeleton(names=("eye",)),))
    box, labels = np.array([[1, 2, 9, 8]], dtype=np.float32), np.array([0])
    both = Annotations.of(box, labels, np.array([[[3, 4, 2]]], dtype=np.float32))
    both = replace(both, boxes3d=np.array([[1, 2, 4, 0, 1, 20, 0]], dtype=np.float32))
    Image.new("RGB", SIZES[0][::-1]).save(tmp_path / "000001.png")
    image = ImageRecord(
        path=tmp_path / "000001.png", image_id=1, annotations=both, source="", size=SIZES[0], camera=CAMERA
    )
    dataset = Dataset(name="set", format="", categories=face, records=(image,))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one.write(dataset, tmp_path / "set", "train")
    back = one.read(tmp_path / "set", "train")

    kept = back.records[0].annotations
    messages = " ".join(str(warning.message) for warning in caught)
    assert ("no keypoints" in messages) == (not kept.keypoints.any())
    assert ("no 3D boxes" in messages) == (not np.isfinite(kept.boxes3d).any())


@WRITTEN
def test_splits_are_written_side_by_side(one: WritableFormat, tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    for split in ("train", "val"):
        one.write(dataset, tmp_path / "set", split)

    assert splits(tmp_path / "set") == ("train", "val")
    assert format_of(tmp_path / "set") is one
    assert one.read(tmp_path / "set", "val").categories == one.read(tmp_path / "set", "train").categories


@WRITTEN
def test_writing_over_its_own_images_leaves_them(one: WritableFormat, tmp_path: Path) -> None:
    one.write(plain(tmp_path), tmp_path / "set", "train")
    before = one.read(tmp_path / "set", "train")

    one.write(before, tmp_path / "set", "train")

    after = one.read(tmp_path / "set", "train")
    assert [record.path for record in after.records] == [record.path for record in before.records]
    assert np.allclose(after.records[0].annotations.boxes, before.records[0].annotations.boxes)


@WRITTEN
def test_the_error_for_a_missing_split_lists_those_there_are(one: WritableFormat, tmp_path: Path) -> None:
    one.write(plain(tmp_path), tmp_path / "set", "train")

    with pytest.raises(InputError, match="has no split 'val', only train"):
        one.read(tmp_path / "set", "val")


@EVERY
def test_an_empty_folder_is_not_identified(one: DatasetFormat, tmp_path: Path) -> None:
    assert not one.identify(tmp_path)
    assert one.splits(tmp_path) == ()
    with pytest.raises(InputError, match=f"{tmp_path} holds no "):
        one.read(tmp_path, "train")


@WRITTEN
def test_an_image_that_is_missing_cannot_be_written(one: WritableFormat, tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    dataset.records[0].path.unlink()

    with pytest.raises(InputError, match="does not exist"):
        one.write(dataset, tmp_path / "set", "train")


def plain(folder: Path) -> Dataset:
    path = folder / "a.png"
    Image.new("RGB", (64, 48)).save(path)
    annotations = Annotations.of(np.array([[1, 2, 3, 4]], dtype=np.float32), np.array([0]))
    record = ImageRecord(path=path, image_id=1, annotations=annotations, source="", size=(48, 64))
    return Dataset(name="", format="", categories=Categories.of("cat"), records=(record,))


FACE = Skeleton(
    names=("nose", "left_eye", "right_eye"),
    edges=((0, 1), (0, 2)),
    pairs=((1, 2),),
    sigmas=(0.02, 0.03, 0.04),
)
TUBE = Skeleton(names=("cap", "end"), edges=((0, 1),))
CATEGORIES = Categories(("face", "box", "tube"), (0, 1, 2), (FACE, None, TUBE))


@st.composite
def keypoints(draw: st.DrawFn, count: int) -> np.ndarray:
    """Keypoints of one object, inside an image."""
    rows, columns = SIZES[0]
    keypoint = st.one_of(
        st.just((0.0, 0.0, 0.0)),
        st.tuples(st.floats(0, columns, width=32), st.floats(0, rows, width=32), st.sampled_from([1.0, 2.0])),
    )
    drawn = np.array([draw(keypoint) for _ in range(count)], dtype=np.float32).reshape(count, 3)
    return np.concatenate([drawn, np.zeros((3 - count, 3), dtype=np.float32)])


@WITH_KEYPOINTS
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=st.tuples(keypoints(3), keypoints(0), keypoints(2)))
def test_keypoints_and_skeletons_are_read_as_they_were_written(
    one: WritableFormat, tmp_path: Path, points: tuple[np.ndarray, ...]
) -> None:
    boxes = np.array([[0, 0, 5, 7], [1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.float32)
    annotations = Annotations.of(boxes, np.array([0, 1, 2]), np.stack(points))
    first, second = images(tmp_path)
    records = (
        ImageRecord(path=first, image_id=1, annotations=annotations, source="", size=SIZES[0]),
        ImageRecord(path=second, image_id=2, annotations=Annotations.none(3), source="", size=SIZES[1]),
    )
    written = Dataset(name="", format="", categories=CATEGORIES, records=records)

    one.write(written, tmp_path / "set", "train")
    back = open_dataset(tmp_path / "set", "train", with_keypoints=True)

    assert not back.defects
    assert back.categories == CATEGORIES
    assert back.records[0].annotations.keypoints == pytest.approx(annotations.keypoints, abs=2e-5)
    assert back.records[1].annotations.keypoints.shape == (0, 3, 3)


@WRITTEN
def test_a_data_set_without_keypoints_is_refused_when_they_are_needed(
    one: WritableFormat, tmp_path: Path
) -> None:
    one.write(plain(tmp_path), tmp_path / "set", "train")

    with pytest.raises(InputError, match="has no keypoints: COCO lists them in its categories"):
        open_dataset(tmp_path / "set", "train", with_keypoints=True)
