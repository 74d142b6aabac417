"""KITTI's text files: labels with 15 columns, results with a score as the 16th, and lists of frames.

Source: the readme of the object development kit, https://www.cvlibs.net/datasets/kitti/eval_object.php.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float

from centernet.data.formats.common.files import read_text
from centernet.errors import InputError
from centernet.io.images import is_image
from centernet.io.paths import visible
from centernet.structures import KittiObjects

COLUMNS = (
    *("type", "truncated", "occluded", "alpha"),
    *("left", "top", "right", "bottom"),
    *("height", "width", "length", "x", "y", "z", "rotation_y"),
    "score",
)


def read_labels(folder: Path, frames: Sequence[str]) -> KittiObjects:
    """The labelled objects of some frames: the files `<frame>.txt` of a folder.

    Sizes of 0 are those of an object without a 3D box; a 16th column is a score.

    Raises:
        InputError: A file is missing, or a row has another number of columns, a value that is no finite
            number, or an impossible size; the message names file and line.
    """
    return _read(folder, frames, COLUMNS[:-1], with_score=False)


def read_results(folder: Path, frames: Sequence[str]) -> KittiObjects:
    """The detections in some frames: the files `<frame>.txt` of a folder, empty where nothing was found.

    A result without a 3D box has sizes of -1. Other sizes that are not above 0 are refused: the official
    program reads out of bounds for them.

    Raises:
        InputError: As for `read_labels`; also where the score is missing.
    """
    return _read(folder, frames, COLUMNS, with_score=True)


def read_frames(path: Path) -> tuple[str, ...]:
    """The frames in a file of `ImageSets`: one name on each line.

    Raises:
        InputError: A line has more than one word, a name is repeated, or there is none.
    """
    places: dict[str, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if len(words) > 1:
            raise InputError(f"{path}:{number} has {len(words)} words: write one frame on a line, as 000123")
        for name in words:
            name = PurePosixPath(name.replace("\\", "/")).name.removesuffix(".txt")
            name = Path(name).stem if is_image(Path(name)) else name
            if name in places:
                raise InputError(f"{path}:{number}: frame {name} is already on line {places[name]}")
            places[name] = number
    if not places:
        raise InputError(f"{path} names no frame: write one on each line, as 000123")
    return tuple(places)


def frames_in(folder: Path) -> tuple[str, ...]:
    """Names of the text files in a folder, sorted."""
    return tuple(sorted(path.stem for path in visible(folder.glob("*.txt"))))


def _read(folder: Path, frames: Sequence[str], columns: Sequence[str], with_score: bool) -> KittiObjects:
    types: list[str] = []
    rows: list[list[float]] = []
    places: list[tuple[int, int]] = []
    for index, name in enumerate(frames):
        path = folder / f"{name}.txt"
        for number, line in enumerate(_text_of(path).splitlines(), start=1):
            words = line.split()
            if words:
                types.append(words[0])
                is_scored = not with_score and len(words) == len(COLUMNS)
                numbers = _numbers(words, COLUMNS if is_scored else columns, f"{path}:{number}")
                rows.append(numbers if len(numbers) == len(COLUMNS) - 1 else [*numbers, 1.0])
                places.append((index, number))
    table = _without_zeros(np.array(rows, dtype=np.float64).reshape(-1, len(COLUMNS) - 1))
    frame, lines = np.array(places, dtype=np.int64).reshape(-1, 2).T
    objects = KittiObjects(
        frames=tuple(frames),
        frame=frame,
        lines=lines,
        types=np.array(types, dtype=str),
        truncation=table[:, 0],
        occlusion=table[:, 1],
        alpha_rad=table[:, 2],
        boxes=table[:, 3:7],
        boxes3d=table[:, 7:14],
        scores=table[:, 14],
    )
    _check(objects, table, folder)
    return objects


def _text_of(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} is missing: every frame has a file, an empty one where there is nothing")
    return read_text(path)


def _numbers(words: list[str], columns: Sequence[str], place: str) -> list[float]:
    if len(words) != len(columns):
        hint = "; the score is missing" if len(words) == len(COLUMNS) - 1 else ""
        raise InputError(f"{place} has {len(words)} columns, not {len(columns)}{hint}: {' '.join(columns)}")
    try:
        return [float(word) for word in words[1:]]
    except ValueError:
        pass
    for word, column in zip(words[1:], columns[1:], strict=True):
        try:
            float(word)
        except ValueError:
            raise InputError(f"{place}: {column} is {word!r}, not a number") from None
    raise AssertionError(place)


def _without_zeros(table: Float[np.ndarray, "n 15"]) -> Float[np.ndarray, "n 15"]:
    """The rows with KITTI's values for "no 3D box" where all three sizes are 0, as programs for 2D write."""
    is_flat = (table[:, 7:10] == 0).all(axis=1)
    table[is_flat, 2], table[is_flat, 7:10], table[is_flat, 10:13] = -10, -1, -1000
    return table


def _check(objects: KittiObjects, table: Float[np.ndarray, "n 15"], folder: Path) -> None:
    """Refuses values that are not finite and sizes that are not positive."""
    sizes = objects.boxes3d[:, :3]
    is_wrong = ~np.isfinite(table)
    is_wrong[:, 7:10] |= (sizes <= 0) & ~(sizes == -1).all(axis=1, keepdims=True)
    if not is_wrong.any():
        return
    row, column = np.argwhere(is_wrong)[0].tolist()
    place = f"{folder / objects.frames[objects.frame[row]]}.txt:{objects.lines[row]}"
    value, name = table[row, column], COLUMNS[column + 1]
    if np.isfinite(value):
        raise InputError(
            f"{place}: {name} is {value:g}, not above 0: where there is no 3D box, write -1 for height, "
            "width and length and -1000 for x, y and z"
        )
    raise InputError(f"{place}: {name} is {value:g}, not a finite number")
