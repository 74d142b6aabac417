"""Files that appear whole or not at all, folders that only one process gets, and errors of writing."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from centernet.errors import InputError, UsageError

_MAX_NAME = 60
"""Letters of a name that its temporary name keeps: names have at most 255 bytes."""


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turns an `OSError` while `path` is written into an error that names it.

    Raises:
        InputError: The block raised an `OSError`.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{path} cannot be written ({reason}): choose another folder or make room"
        ) from error


@contextmanager
def replacing(path: str | Path, suffix: str = "") -> Iterator[Path]:
    """The temporary path of a file, beside its place, which takes the place when the block ends.

    At any time, also after a crash or a loss of power, the path holds the old or the new content. If the
    block raises, the temporary file is removed.

    Args:
        path: The file.
        suffix: Ending of the temporary path, for writers that choose a format by it.

    Raises:
        InputError: The file cannot be written; the old content is kept.
    """
    path = Path(path)
    if is_special(path):
        with writing(path):
            yield path
        return
    path = path.resolve() if path.is_symlink() else path
    part = part_of(path, suffix)
    with writing(path):
        try:
            yield part
            put_in_place(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def is_special(path: Path) -> bool:
    """True for what is written to and never replaced: a device, a pipe, `/dev/stdout`.

    `/dev/shm` is a folder like any other.
    """
    is_stream = str(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))
    return is_stream or (path.exists() and not path.is_file())


def part_of(path: Path, suffix: str = "") -> Path:
    """The temporary path of a file, for `put_in_place`; see `replacing`."""
    return path.with_name(f".{path.name[:_MAX_NAME]}.part{suffix}")


def put_in_place(part: Path, path: Path) -> None:
    """Renames a finished file once it is on the disk: it could come before the content otherwise."""
    # Windows refuses to flush what is not open for writing.
    with part.open("r+b") as file:
        os.fsync(file.fileno())
    part.replace(path)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file as a whole: at any time, also after a crash, the path holds the old or the new content.

    Raises:
        InputError: The file cannot be written; the old content is kept.
    """
    with replacing(path) as part:
        part.write_bytes(content)


def claim_folder(parent: Path, name: str, *, exist_ok: bool = False) -> Path:
    """A folder that no other process gets: `parent/name`, `parent/name2`, `parent/name3`, ... It is made.

    Args:
        parent: The folder in which it is, made if missing.
        name: Its name.
        exist_ok: Take `parent/name` even if it exists.

    Raises:
        InputError: It cannot be made.
    """
    for folder in _candidates(parent, name):
        with writing(folder):
            if folder.parent.exists() and not folder.parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
            if exist_ok and folder.is_dir():
                return folder
    raise AssertionError("numbers do not end")


def unused_folder(parent: Path, name: str, *, exist_ok: bool = False) -> Path:
    """The folder that `claim_folder` would make."""
    return next(folder for folder in _candidates(parent, name) if exist_ok or not os.path.lexists(folder))


def check_replaceable(path: str | Path, *, exist_ok: bool = False, data: str | Path | None = None) -> None:
    """Checks that a file or folder may be written to.

    Args:
        path: The file or folder.
        exist_ok: It may be replaced.
        data: A data set, a file or a folder, none of whose files is replaced in any case.

    Raises:
        UsageError: It exists and may not be replaced.
    """
    path = Path(path)
    if not os.path.lexists(path) or (is_special(path) and not path.is_dir()):
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if data is not None and _is_part_of(path.resolve(), Path(data).resolve()):
        raise UsageError(f"{path} is a file of the data set {data}, which is not replaced: name another one")
    if not exist_ok:
        raise UsageError(f"{path} exists: name another one, or add exist_ok=true to replace it")


def _is_part_of(path: Path, data: Path) -> bool:
    return path == data or data in path.parents or path in data.parents


def _candidates(parent: Path, name: str) -> Iterator[Path]:
    yield parent / name
    yield from (parent / f"{name}{number}" for number in count(2))
