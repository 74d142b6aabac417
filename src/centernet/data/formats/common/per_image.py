"""Annotation files of one image each, in folders of any name: the splits they form."""

import os
from collections.abc import Callable
from pathlib import Path

from centernet.data.formats.common.splits import WHOLE, split_in
from centernet.io.paths import visible

_DEPTH = 4
"""Folders are looked into so many levels below the data set's."""


def files_by_split(path: Path, suffix: str, is_own: Callable[[Path], bool]) -> dict[str, list[Path]]:
    """The annotation files below a folder by the split that a folder on the way to them names.

    The files of a folder are of a format if the first one is.

    Args:
        path: Folder of the data set.
        suffix: Of the annotation files, in lower case: `.xml`.
        is_own: Tests if a file is of the format.
    """
    found: dict[str, list[Path]] = {}
    for folder, folders, names in os.walk(path, followlinks=True):
        parts = Path(folder).relative_to(path).parts
        folders[:] = sorted(name for name in folders if not name.startswith(".") and len(parts) < _DEPTH)
        files = visible(Path(folder) / name for name in names if name.lower().endswith(suffix))
        if not files or not any(map(is_own, files[:3])):
            continue
        split = next((split for part in reversed(parts) if (split := split_in(part))), WHOLE)
        found.setdefault(split, []).extend(files)
    return dict(sorted(found.items()))
