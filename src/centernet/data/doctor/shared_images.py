"""Images that two splits share: what is measured on them was learned by heart.

A `Path` of each of 100 000 files would take most of the time: paths are texts here.
"""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from centernet.structures import Dataset, Defect
from centernet.structures.records import Records

_NAMED = 3


def shared_images(training: Dataset, other: Dataset) -> list[Path]:
    """Images of a split that are in the training split, too: the same file, or one of the same bytes.

    Args:
        training: The split that is trained on.
        other: The split that is measured on.
    """
    resolved = _Resolved()
    known, by_size = set(), dict[int, list[str]]()
    for path in Records.of(training.records).paths:
        known.add(resolved(path))
        by_size.setdefault(_size_of(path), []).append(path)
    digests: dict[int, set[bytes]] = {}
    shared = []
    for path in Records.of(other.records).paths:
        size = _size_of(path)
        if resolved(path) in known:
            shared.append(Path(path))
        elif size > 0 and size in by_size:
            if size not in digests:
                digests[size] = set(_digests(by_size[size]))
            if set(_digests([path])) & digests[size]:
                shared.append(Path(path))
    return shared


class _Resolved:
    """Paths without links; a folder with many files is resolved once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        folder, name = os.path.split(path)
        if os.name == "nt" or os.path.islink(path) or name in ("", ".", ".."):  # noqa: PTH114
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return f"{self._folders[folder]}{os.sep}{name}"


def shared_defect(training: Dataset, other: Dataset, name: str) -> Defect | None:
    """The defect of a split that shares images with the training split; None if it shares none.

    Args:
        training: The split that is trained on.
        other: The split that is measured on.
        name: Name of the other split.
    """
    shared = shared_images(training, other)
    if not shared:
        return None
    names = ", ".join(path.name for path in shared[:_NAMED])
    more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
    count = "1 image" if len(shared) == 1 else f"{len(shared)} images"
    verb = "is" if len(shared) == 1 else "are"
    return Defect(
        kind="images of train",
        where=other.name,
        message=f"{count} of {name} {verb} in train, too: {names}{more}",
        action="what is measured on them is learned by heart: remove them from one of the two",
    )


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (OSError, ValueError):
        return -1


def _digests(paths: Iterable[str]) -> Iterable[bytes]:
    for path in paths:
        try:
            yield sha256(Path(path).read_bytes()).digest()
        except OSError:
            continue  # The error is reported when the image is read.
