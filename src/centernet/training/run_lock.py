"""A lock on the folder of a run that has not ended, so that no other run writes into it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from centernet.errors import InputError
from centernet.io.writing import writing

LOCK = ".lock"
"""File of a run folder while a run writes into it."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks a run folder inside the block; the system frees it when the process ends, however that happens.

    Windows, and file systems that know no locks, have none.

    Raises:
        InputError: Another process has locked it.
    """
    path = folder / LOCK
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # Of this process alone: workers that outlive it for seconds would hold a lock of the file itself.
        if not _lock(descriptor):
            owner = os.read(descriptor, 200).decode(errors="replace").strip()
            raise InputError(
                f"{folder} belongs to a run that has not ended{f' ({owner})' if owner else ''}: wait for it, "
                "or stop it first"
            )
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)


def check_unlocked(folder: Path) -> None:
    """Raises an `InputError` if a run that has not ended writes into a folder."""
    if (folder / LOCK).exists():
        with locked(folder):
            pass


def _lock(descriptor: int) -> bool:
    """Locks an open file; False if another process has."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # Network file systems without locks.
        return True
    return True
