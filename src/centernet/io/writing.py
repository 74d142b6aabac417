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
