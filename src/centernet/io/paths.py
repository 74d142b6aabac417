"""Paths that users and files give: `~`, backslashes, and names that no file can have."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path with `~` replaced by the home folder: some shells leave `data=~/x` as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # There is no home folder, or no user of that name.
        return Path(path)


def resolved(path: str | Path) -> Path:
    """The absolute path behind all links; unlike `Path.resolve`, also of a link that leads to itself."""
    return Path(os.path.realpath(path))


def stated(text: str) -> Path:
    """The path that a file states, written with slashes of either kind, and perhaps with `~`."""
    return expanded(text.strip().replace("\\", "/"))


def is_file(path: Path) -> bool:
    """True if there is a file; False too for a name that no file can have, such as one of 300 letters."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """True if there is a folder; False too for a name that none can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def visible(paths: Iterable[Path]) -> list[Path]:
    """The paths in order, without hidden files: macOS adds `._a.xml` to `a.xml`, which is no xml."""
    return sorted(path for path in paths if not path.name.startswith("."))


def walk_once(folder: Path, depth: int | None = None) -> Iterator[tuple[Path, list[str]]]:
    """A folder and those below, each with the names of its files; one that links lead to twice, once.

    Args:
        folder: Where to begin. Hidden folders below it are left out.
        depth: How many folders deep to go; None for all.
    """
    walked: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        state = Path(parent).stat()
        if (state.st_dev, state.st_ino) in walked:
            folders.clear()
            continue
        walked.add((state.st_dev, state.st_ino))
        is_last = depth is not None and len(Path(parent).relative_to(folder).parts) >= depth
        folders[:] = [] if is_last else sorted(name for name in folders if not name.startswith("."))
        yield Path(parent), names
