"""Stderr without what libraries write: logs of C++, warnings that name no file."""

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from centernet.io.messages import say

_PACKAGE = str(Path(__file__).parents[1])


@contextmanager
def own_stderr() -> Iterator[None]:
    """What Python prints to stderr is shown, what is written to its descriptor is dropped.

    Nothing changes where stderr has been replaced by another stream, as in a notebook.
    """
    stream = sys.stderr
    try:
        is_own = isinstance(stream, io.TextIOWrapper) and stream.fileno() == 2
    except (OSError, ValueError):
        is_own = False
    if not is_own:
        yield
        return
    stream.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    with open(os.dup(2), "w", encoding=stream.encoding, errors=stream.errors, buffering=1) as shown:  # noqa: PTH123
        os.dup2(nowhere, 2)
        sys.stderr = shown
        try:
            yield
        finally:
            sys.stderr = stream
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


@contextmanager
def own_warnings() -> Iterator[None]:
    """Warnings of this package are lines on stderr, without a place in code; those of others are dropped."""

    def show(message: Warning | str, _category: type[Warning], filename: str, *_more: object) -> None:
        if filename.startswith(_PACKAGE):
            say(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield
