"""Atomic writes, and the error of files that cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from centernet.errors import InputError


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


def unused_folder(parent: Path, name: str, *, exist_ok: bool = False) -> Path:
    """The first of `parent/name`, `parent/name2`, `parent/name3`, ... that is empty or does not exist.

    Args:
        parent: The folder in which it is.
        name: Its name.
        exist_ok: Take `parent/name` even if it holds files.
    """
    folder, number = parent / name, 1
    while folder.exists() and any(folder.iterdir()) and not exist_ok:
        number += 1
        folder = parent / f"{name}{number}"
    return folder


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file as a whole: at any time, also after a crash, the path holds the old or the new content.

    Raises:
        InputError: The file cannot be written; the old content is kept.
    """
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
