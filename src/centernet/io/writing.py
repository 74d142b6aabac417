"""Writing files: whole or not at all, and one message for those that cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from centernet.errors import InputError


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Names the file or folder that is being written when the system refuses.

    Raises:
        InputError: Something in the block raised an `OSError`.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{path} cannot be written ({reason}): choose another folder or make room"
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a run that is killed here, finds the old one or the new one.

    Raises:
        InputError: The file cannot be written; what was there is still there.
    """
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
