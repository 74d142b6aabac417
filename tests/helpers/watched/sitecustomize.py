"""Notes what every Python process writes, and which hosts it looks for, in the file that `WATCH_LOG` names.

Python imports this at its start where the folder is on `PYTHONPATH`.
"""

import os
import sys
from typing import Any

_LOG = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_HOSTS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.mkdir", "os.truncate") or (event == "open" and arguments[2] & _WRITES):
        _write(arguments[0])
    elif event in ("os.rename", "os.link", "os.symlink"):
        _write(arguments[1])
    elif event in _HOSTS or (event == "socket.connect" and isinstance(arguments[1], tuple)):
        os.write(_LOG, f"host {arguments[1:] if event == 'socket.connect' else arguments[:2]}\n".encode())


def _write(path: Any) -> None:
    # Files can also be named by an open descriptor.
    if isinstance(path, str | bytes):
        os.write(_LOG, b"file " + os.path.abspath(os.fsencode(path)) + b"\n")  # noqa: PTH100 - also of bytes


sys.addaudithook(_note)
