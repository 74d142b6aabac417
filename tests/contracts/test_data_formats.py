"""What every data format promises; a new one is a new line in `FORMATS`."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from centernet.data.formats import FORMATS, Format, format_of, open_dataset, splits
from centernet.errors import InputError
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

EVERY = pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.NAME)

SIZES = ((48, 64), (33, 17))


@st.composite
def objects(draw: st.DrawFn, size: tuple[int, int]) -> Annotations:
    """Any boxes, also of zero area, inside an image."""
    rows, columns = size
    points = st.tuples(st.floats(0, columns, width=32), st.floats(0, rows, width=32))
    pairs = draw(st.lists(st.tuples(points, points), max_size=4))
    corners = np.array(pairs, dtype=np.float32).reshape(-1, 2, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    labels = [draw(st.integers(0, 1)) for _ in pairs]
    return Annotations.of(boxes, np.array(labels, dtype=np.int64))


@EVERY
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(second=objects(SIZES[1]))
def test_reading_gives_what_was_written(one: Format, tmp_path: Path, second: Annotations) -> None:
    # One of each class, so that VOC, which lists no classes, knows both.
    corners = np.array([[0, 0, 5, 7], [1, 2, 3, 4]], dtype=np.float32)
    both = (Annotations.of(corners, np.array([0, 1])), second)
    rows = zip(pictures(tmp_path), both, SIZES, strict=True)
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


def pictures(folder: Path) -> list[Path]:
    paths = [folder / "image 1.png", folder / "image 2.png"]
    for path, (rows, columns) in zip(paths, SIZES, strict=True):
        if not path.exists():
            Image.new("RGB", (columns, rows)).save(path)
    return paths


@EVERY
def test_splits_are_written_side_by_side(one: Format, tmp_path: Path) -> None:
    dataset = plain(tmp_path)
    for split in ("train", "val"):
        one.write(dataset, tmp_path / "set", split)

    assert splits(tmp_path / "set") == ("train", "val")
    assert format_of(tmp_path / "set") is one
    assert one.read(tmp_path / "set", "val").categories == one.read(tmp_path / "set", "train").categories


@EVERY
def test_writing_over_its_own_images_leaves_them(one: Format, tmp_path: Path) -> None:
    one.write(plain(tmp_path), tmp_path / "set", "train")
    before = one.read(tmp_path / "set", "train")

    one.write(before, tmp_path / "set", "train")

    after = one.read(tmp_path / "set", "train")
    assert [record.path for record in after.records] == [record.path for record in before.records]
    assert np.allclose(after.records[0].annotations.boxes, before.records[0].annotations.boxes)


@EVERY
def test_a_missing_split_is_named_with_those_there_are(one: Format, tmp_path: Path) -> None:
    one.write(plain(tmp_path), tmp_path / "set", "train")

    with pytest.raises(InputError, match="has no split 'val', only train"):
        one.read(tmp_path / "set", "val")


@EVERY
def test_an_empty_folder_is_not_recognised(one: Format, tmp_path: Path) -> None:
    assert not one.recognise(tmp_path)
    assert one.splits(tmp_path) == ()
    with pytest.raises(InputError, match=f"{tmp_path} holds no "):
        one.read(tmp_path, "train")


@EVERY
def test_an_image_that_is_missing_cannot_be_written(one: Format, tmp_path: Path) -> None:
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
