"""Camera matrices from files: KITTI's `calib`, a table of numbers, or json."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.formats.common.files import read_text
from centernet.errors import InputError
from centernet.geometry.camera import Camera
from centernet.io.values import read_json

_KITTI_ROW = "P2:"
"""The camera whose images KITTI labels: the left one in colour."""


def read_camera(path: Path | str) -> Camera:
    """The camera in a file: KITTI's row `P2:`, three rows of three or four numbers, or those rows as json.

    Raises:
        InputError: The file cannot be read, or has no valid camera; the message names the line.
    """
    path = Path(path)
    text = read_text(path)
    if path.suffix.lower() == ".json":
        return camera_of(read_json(text, str(path)), str(path))
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, words in lines:
        if words[0] == _KITTI_ROW:
            row = _numbers(words[1:], f"{path}:{number}")
            if len(row) != 12:
                raise InputError(f"{path}:{number}: {_KITTI_ROW} has {len(row)} numbers, not 12")
            return camera_of(np.array(row).reshape(3, 4), f"{path}:{number}")
    if any(words[0].endswith(":") for _, words in lines):
        raise InputError(f"{path} has no row {_KITTI_ROW}: KITTI's calibration files have one")
    return camera_of([_numbers(words, f"{path}:{number}") for number, words in lines], str(path))


def camera_of(value: Any, place: str = "camera") -> Camera:
    """The camera given by the rows of a matrix: `(3 3)`, or `(3 4)` with the offset from the origin.

    Args:
        value: Rows of numbers.
        place: Name of the source in messages.

    Raises:
        InputError: The matrix has another shape, an entry that is no finite number, or an invalid value.
    """
    try:
        rows = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{place}: a camera is 3 rows of 3 or 4 numbers; got {value!r}") from None
    if rows.shape not in ((3, 3), (3, 4)):
        shape = "×".join(map(str, rows.shape)) or "one number"
        raise InputError(f"{place}: a camera is 3 rows of 3 or 4 numbers; got {shape}")
    if not np.isfinite(rows).all():
        raise InputError(f"{place}: the camera holds a number that is not finite")
    if not (rows[0, 0] > 0 and rows[1, 1] > 0):
        raise InputError(
            f"{place}: focal lengths, the first two numbers on the diagonal, are above 0; "
            f"got {rows[0, 0]:g} and {rows[1, 1]:g}"
        )
    if not np.allclose(rows[2, :3], [0, 0, 1]):
        raise InputError(f"{place}: the last row of a camera is 0 0 1; got {rows[2, :3].tolist()}")
    return np.concatenate([rows, np.zeros((3, 1))], axis=1) if rows.shape == (3, 3) else rows


def cameras_of(given: Any) -> Callable[[str], Camera | None]:
    """A function from the name of an image to its camera.

    Args:
        given: One camera for all images: a file as for `read_camera`, rows as for `camera_of`, or 9 or 12
            numbers in a text, `721,0,610,0,721,173,0,0,1`. Or a folder with a file for each image,
            `street.txt` or `street.json` for `street.png`. None: no image has a camera.

    Raises:
        InputError: The camera cannot be read; from the function, the folder has no file for an image.
    """
    if given is None:
        return lambda _name: None
    if isinstance(given, str) and "," in given and not Path(given).exists():
        numbers = _numbers(given.replace(",", " ").split(), "camera")
        if len(numbers) not in (9, 12):
            raise InputError(f"camera={given}: a camera is 9 or 12 numbers; got {len(numbers)}")
        given = np.array(numbers).reshape(3, -1)
    if isinstance(given, str | Path):
        path = Path(given)
        if path.is_dir():
            return lambda name: _camera_in(path, name)
        common = read_camera(path)
    else:
        common = camera_of(given)
    return lambda _name: common


def _camera_in(folder: Path, name: str) -> Camera:
    stem = Path(name).stem
    for ending in (".txt", ".json"):
        if (path := folder / f"{stem}{ending}").is_file():
            return read_camera(path)
    raise InputError(f"{folder} has no camera for {name}: put it into {folder / stem}.txt")


def _numbers(words: Sequence[str], place: str) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"{place}: {error}: a camera is made of numbers") from error
