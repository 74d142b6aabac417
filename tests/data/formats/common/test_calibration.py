"""Cameras from files: one for all images or one for each."""

from pathlib import Path

import pytest

from centernet.data.formats.common.calibration import cameras_of
from centernet.errors import InputError

ROWS = [[100.0, 0, 96, 0], [0, 100, 32, 0], [0, 0, 1, 0]]


def test_one_camera_is_used_for_every_image(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("100 0 96\n0 100 32\n0 0 1\n")

    for given in (ROWS, tmp_path / "mine.txt", str(tmp_path / "mine.txt"), "100,0,96,0,100,32,0,0,1"):
        camera = cameras_of(given)
        assert camera("a.png").tolist() == camera("b.png").tolist() == ROWS


def test_a_folder_has_a_camera_for_each_image(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("P2: 100 0 96 0 0 100 32 0 0 0 1 0\n")
    (tmp_path / "b.json").write_text("[[50, 0, 96], [0, 50, 32], [0, 0, 1]]")
    camera = cameras_of(tmp_path)

    assert camera("images/a.png").tolist() == ROWS
    assert camera("images/b.jpg")[0, 0] == 50
    with pytest.raises(InputError, match=r"has no camera for c\.png: put it into .*c\.txt"):
        camera("c.png")


def test_without_a_camera_no_image_has_any() -> None:
    assert cameras_of(None)("a.png") is None


def test_invalid_numbers_are_reported() -> None:
    with pytest.raises(InputError, match="camera: could not convert string to float: 'x'"):
        cameras_of("100,0,x,0,100,32,0,0,1")
