"""Columns that are kept are those of the files as they are now."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from centernet.data.formats import yolo
from centernet.data.formats.common import column_cache
from centernet.structures import Dataset

IMAGES = 3


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CENTERNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(column_cache, "_FEW", 2)
    monkeypatch.setattr(column_cache, "_SETTLED_NS", 0)
    root = tmp_path / "data"
    for name in ("images", "labels"):
        (root / name / "train").mkdir(parents=True)
    for number in range(IMAGES):
        cv2.imwrite(str(root / f"images/train/{number}.png"), np.zeros((40, 50, 3), np.uint8))
        (root / f"labels/train/{number}.txt").write_text("0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.1 0.1\n")
    (root / "data.yaml").write_text("train: images/train\nnames: [a, b]\n")
    return root


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on label files cannot be read: what is still known was kept."""
    monkeypatch.setattr("centernet.data.formats.yolo.format._read_labels", None)


def facts(dataset: Dataset) -> list[object]:
    records = [(one.path, one.size, one.source, one.annotations.boxes.tolist()) for one in dataset.records]
    return [records, [str(defect) for defect in dataset.defects], dataset.categories]


def test_the_second_reading_needs_no_file_and_gives_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = yolo.read(folder, "train")
    unread(monkeypatch)

    assert facts(yolo.read(folder, "train")) == facts(first)
    assert len(first.defects) == IMAGES


def _edited(folder: Path) -> None:
    label = folder / "labels/train/1.txt"
    state = label.stat()
    label.write_text(label.read_text().replace("0.2", "0.4"))
    os.utime(label, ns=(state.st_atime_ns, state.st_mtime_ns))


def _without_label(folder: Path) -> None:
    (folder / "labels/train/1.txt").unlink()


def _larger_image(folder: Path) -> None:
    cv2.imwrite(str(folder / "images/train/1.png"), np.zeros((400, 50, 3), np.uint8))


def _one_more(folder: Path) -> None:
    cv2.imwrite(str(folder / "images/train/9.png"), np.zeros((40, 50, 3), np.uint8))


def _other_classes(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images/train\nnames: [a, b, c, d, e, f, g, h]\n")


@pytest.mark.parametrize(
    "change",
    [_edited, _without_label, _larger_image, _one_more, _other_classes],
    ids=lambda one: one.__name__,
)
def test_no_change_of_the_files_is_missed(folder: Path, change: Callable[[Path], None]) -> None:
    before = facts(yolo.read(folder, "train"))
    change(folder)
    after = facts(yolo.read(folder, "train"))
    os.environ["CENTERNET_CACHE"] = ""

    assert after != before
    assert after == facts(yolo.read(folder, "train"))


def test_a_broken_file_of_the_cache_is_as_none(folder: Path) -> None:
    first = facts(yolo.read(folder, "train"))
    (kept,) = column_cache.cache_folder().glob("*")  # type: ignore[union-attr]
    kept.write_bytes(kept.read_bytes()[:100])

    assert facts(yolo.read(folder, "train")) == first


def test_a_data_set_that_was_just_written_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_cache, "_SETTLED_NS", 10**12)
    yolo.read(folder, "train")

    assert not (folder.parent / "cache").exists()


def test_a_cache_folder_that_cannot_be_written_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "file").write_text("")
    monkeypatch.setenv("CENTERNET_CACHE", str(folder.parent / "file" / "below"))

    assert len(yolo.read(folder, "train")) == IMAGES
