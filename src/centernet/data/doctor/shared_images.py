"""Images that two splits share: what is measured on them was learned by heart."""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from centernet.structures import Dataset, Defect

_NAMED = 3


def shared_images(training: Dataset, other: Dataset) -> list[Path]:
    """Images of a split that are in the training split, too: the same file, or one of the same bytes.

    Args:
        training: The split that is trained on.
        other: The split that is measured on.
    """
    known = {os.path.realpath(record.path) for record in training.records}
    by_size: dict[int, list[Path]] = {}
    for record in training.records:
        by_size.setdefault(_size_of(record.path), []).append(record.path)
    digests: dict[int, set[bytes]] = {}
    shared = []
    for path in (record.path for record in other.records):
        size = _size_of(path)
        if os.path.realpath(path) in known:
            shared.append(path)
        elif size > 0 and size in by_size:
            if size not in digests:
                digests[size] = set(_digests(by_size[size]))
            if set(_digests([path])) & digests[size]:
                shared.append(path)
    return shared


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


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return -1


def _digests(paths: Iterable[Path]) -> Iterable[bytes]:
    for path in paths:
        try:
            yield sha256(path.read_bytes()).digest()
        except OSError:
            continue  # The error is reported when the image is read.
