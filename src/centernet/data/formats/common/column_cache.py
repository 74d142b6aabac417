"""Columns of data sets that were read before, in the cache folder of the user, until a file changes."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Int

from centernet.io.paths import expanded
from centernet.structures import Defect
from centernet.structures.mapped_file import read_arrays, write_arrays
from centernet.structures.records import Records

_VERSION = 1
"""Of what readers make of files; a cache of another version is not used."""
_FEW = 500
"""Reading so few files takes no longer than asking for their times."""
_SETTLED_NS = 3_000_000_000
"""A file that was written a moment before may be written again within one tick of its clock."""
_KEPT_S = 30 * 24 * 3600
_STAMPS = "stamps"
_ABSENT = (-1, -1, -1)

Found = tuple[Records, tuple[Defect, ...]]
"""The images of a data set, and the defects that its reader found."""


def cached_columns(key: Sequence[str], files: Sequence[str], read: Callable[[], Found]) -> Found:
    """What `read` returns, or returned at an earlier time if the same files are there, unchanged.

    Args:
        key: What decides the result besides the files: format, place of the data set, split, classes.
        files: All files that decide it, whether they exist or not.
        read: Reads the files.
    """
    folder = cache_folder()
    if folder is None or len(files) < _FEW:
        return read()
    before = _stamps_of(files)
    name = hashlib.sha256("\0".join([*key[:3]]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    known = "\0".join([str(_VERSION), *key, *files]).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(known).hexdigest()
    place = folder / f"{name}.arrays"
    with suppress(OSError, ValueError, KeyError, TypeError):
        arrays, about = read_arrays(place)
        if about["digest"] == digest and np.array_equal(arrays.pop(_STAMPS), before):
            return Records.of_arrays(arrays), tuple(Defect(**one) for one in about["defects"])
    records, defects = read()
    # What changes while it is read, or has just changed, is not kept.
    is_settled = int(before[:, 1:].max(initial=0)) < time.time_ns() - _SETTLED_NS
    if is_settled and np.array_equal(_stamps_of(files), before):
        about = {"digest": digest, "defects": [asdict(defect) for defect in defects]}
        with suppress(OSError):
            _write(place, {**records.to_arrays(), _STAMPS: before}, about)
    return records, defects


def cache_folder() -> Path | None:
    """The folder of the user for what can be made again; None where there is none.

    `CENTERNET_CACHE` names another, and nothing is kept where it is empty.
    """
    given = os.environ.get("CENTERNET_CACHE")
    if given is not None:
        return Path(given) if given else None
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", ""))
    elif sys.platform == "darwin":
        base = expanded("~/Library/Caches")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or expanded("~/.cache"))
    return base / "centernet" / "datasets" if base.is_absolute() else None


def _stamps_of(files: Sequence[str]) -> Int[np.ndarray, "n 3"]:
    """Size and times of the last changes of content and of the entry in its folder; -1 without a file."""

    def stamp_of(file: str) -> tuple[int, int, int]:
        try:
            state = os.stat(file)  # noqa: PTH116 - a Path of each of 100 000 takes most of the time.
        except (OSError, ValueError):
            return _ABSENT
        return state.st_size, state.st_mtime_ns, state.st_ctime_ns

    return np.array([stamp_of(file) for file in files], dtype=np.int64).reshape(-1, 3)


def _write(place: Path, arrays: dict[str, np.ndarray], about: object) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    now = time.time()
    for old in place.parent.glob("*.arrays*"):
        with suppress(OSError):
            if now - old.stat().st_mtime > _KEPT_S:
                old.unlink()
    part = place.with_suffix(f".arrays{os.getpid()}")
    try:
        with part.open("wb") as file:
            write_arrays(file, arrays, about)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
