"""Arrays in a file that processes map into memory instead of each holding a copy."""

import json
import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_MAGIC = b"centernet arrays 1\n"
_ALIGNMENT = 64


def write_arrays(file: BinaryIO, arrays: Mapping[str, np.ndarray], about: Any = None) -> None:
    """Writes named arrays, and a value that json can hold, to an open file.

    Args:
        file: Open for writing, at its beginning.
        arrays: The arrays.
        about: The value.
    """
    places: dict[str, tuple[str, tuple[int, ...], int]] = {}
    offset = 0
    for name, array in arrays.items():
        offset += -offset % _ALIGNMENT
        places[name] = (array.dtype.str, array.shape, offset)
        offset += array.nbytes
    head = json.dumps({"arrays": places, "bytes": offset, "about": about}).encode()
    # The header states its own length, and blanks behind it align the arrays.
    head += b" " * (-(len(_MAGIC) + 8 + len(head)) % _ALIGNMENT)
    file.write(_MAGIC + len(head).to_bytes(8, "little") + head)
    written = 0
    for name, array in arrays.items():
        start = places[name][2]
        file.write(b"\0" * (start - written))
        file.write(np.ascontiguousarray(array).data if array.size else b"")
        written = start + array.nbytes


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays and the value in a file; the arrays are mapped, and cannot be written to.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is of another kind or version, or not whole.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC) + 8)
        if not start.startswith(_MAGIC):
            raise ValueError("a file of another kind or version")
        length = int.from_bytes(start[len(_MAGIC) :], "little")
        size = os.fstat(file.fileno()).st_size
        if length > size:
            raise ValueError("the file is cut short")
        head = json.loads(file.read(length))
        first = len(start) + length
        if size < first + head["bytes"]:
            raise ValueError("the file is cut short")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {}
    for name, (dtype, shape, offset) in head["arrays"].items():
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(mapped, np.dtype(dtype), count, first + offset) if count else np.empty(0, dtype)
        arrays[name] = array.reshape(shape)
    return arrays, head["about"]


@dataclass(frozen=True)
class TemporaryArrays:
    """Arrays in a temporary file that is removed with this object.

    Attributes:
        path: The file.
    """

    path: Path

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], about: Any = None) -> "TemporaryArrays":
        """Writes the arrays.

        Raises:
            OSError: There is no room, or no folder for temporary files.
        """
        handle, name = tempfile.mkstemp(prefix="centernet-", suffix=".arrays")
        written = cls(Path(name))
        weakref.finalize(written, _remove, name, os.getpid())
        with os.fdopen(handle, "wb") as file:
            write_arrays(file, arrays, about)
        return written


def _remove(name: str, owner: int) -> None:
    """Removes a file in the process that made it: a fork of that process has a copy of its duties."""
    if os.getpid() == owner:
        with suppress(OSError):
            Path(name).unlink()
