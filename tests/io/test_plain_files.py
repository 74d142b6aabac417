"""Annotation files that are pipes, devices or folders are refused at once, whatever the format."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.errors import InputError
from centernet.io.plain_files import read_plain

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


ODD = pytest.mark.parametrize("make", [device, pipe, Path.mkdir])


@ODD
def test_what_is_no_plain_file_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    make(path)

    with pytest.raises(InputError, match=r"a\.txt is no plain file: a folder, a pipe or a device"):
        read_plain(path)
    with pytest.raises(InputError, match=r"b\.txt cannot be read: No such file"):
        read_plain(tmp_path / "b.txt")
    with pytest.raises(InputError, match="cannot be read: embedded null"):
        read_plain(tmp_path / "c\0.txt")


@ODD
@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("coco", "annotations/instances_train.json"),
        ("voc", "Annotations/train_000001.xml"),
        ("voc", "ImageSets/Main/train.txt"),
        ("yolo", "labels/train/train_000001.txt"),
        ("yolo", "data.yaml"),
        ("kitti", "training/label_2/train_000001.txt"),
        ("kitti", "ImageSets/train.txt"),
    ],
)
def test_a_data_set_with_such_a_file_is_read_in_moments_or_refused(
    make: Callable[[Path], None], form: str, file: str, tmp_path: Path
) -> None:
    mode = "roads" if form == "kitti" else "plain"
    data = write_scenes(tmp_path / "data", train=3, val=1, size=(64, 128), mode=mode, format=form)
    (data / file).unlink()
    make(data / file)

    # A device without an end would take all memory; a pipe would be waited for.
    try:
        count = len(open_dataset(data, "train"))
    except InputError as error:
        count = len(str(error).splitlines())
    assert count in (1, 2, 3)
