"""Files of others, read whole: only plain ones, as a pipe is waited for and a device read without end."""

import stat
from pathlib import Path

from centernet.errors import InputError


def check_plain(path: Path) -> None:
    """Raises an `InputError` for a pipe or a device, which may be read without end, a folder, or nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # No file has a name with a null character.
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is no plain file: a folder, a pipe or a device has its name")


def read_plain(path: Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: It is missing, no plain file, or cannot be read; the message names it.
    """
    check_plain(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
