"""Finding the images that annotations name: where they should be, else by name in the data set's folder."""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from centernet.data.formats.common.files import image_files
from centernet.io.paths import is_file, stated

_MANY = 500
"""From so many images on a folder is listed, which takes a microsecond for a file in place of ten."""
_PLAIN = re.compile(r"[^\s~/.:\\?][^/:\\?]*(/[^/.:\\?][^/:\\?]*)*(?<!\s)")
"""A name that is its own path: no server, home folder, drive, root or dot to resolve."""


class ImageFinder:
    """Finds images by the paths that annotation files state, which may be of another machine.

    A path that is not there is looked for by its name below `root`: it is found if one image has that name,
    or if one of several has most of the stated folders. Label Studio and CVAT write paths of their servers.

    Args:
        folders: Folders that paths may start from, the likelier ones first.
        root: Folder that is searched by name, with those below it; None: none.
        images: The folder that the user named: it comes first, and is looked into in place of `root`.
    """

    def __init__(self, folders: Sequence[Path], root: Path | None, images: Path | None = None) -> None:
        self._folders = list(folders) if images is None else [images, *folders]
        self._root = images or root
        self._found: dict[Path, int] = {}
        self._first: Path | None = None
        self._lists: dict[tuple[Path, str], tuple[str, frozenset[str]]] = {}

    def find(self, name: str) -> Path | None:
        """The image of a stated path; None if there is none."""
        path = _without_server(name)
        # The folder that had the last image most likely has this one.
        for folder in sorted(self._folders, key=lambda folder: -self._found.get(folder, 0)):
            if is_file(candidate := folder / path):
                self._found[folder] = self._found.get(folder, 0) + 1
                return candidate
        return self._find_by_name(path) if self._root else None

    def find_all(self, names: Sequence[str]) -> list[Path]:
        """The path of each image; one that is not found is expected in the folder with most of the others."""
        return list(map(Path, self.paths_of(names)))

    def paths_of(self, names: Sequence[str]) -> list[str]:
        """As `find_all`, as texts: a `Path` of each of 100 000 images takes seconds."""
        paths = (
            [self._listed(name) or self._found_text(name) for name in names]
            if len(names) >= _MANY
            else [self._found_text(name) for name in names]
        )
        usual = max(self._found, key=lambda folder: self._found[folder], default=None)
        if usual is None:
            usual = next((folder for folder in self._folders if folder.is_dir()), self._folders[0])
        return [path or str(usual / stated(name)) for path, name in zip(paths, names, strict=True)]

    def _found_text(self, name: str) -> str | None:
        path = self.find(name)
        self._first = None
        return None if path is None else str(path)

    def _listed(self, name: str) -> str | None:
        """The path of an image by the files of the folder that had the most others; None if unsure."""
        if not _PLAIN.fullmatch(name):
            return None
        if self._first is None:
            self._first = max(self._folders, key=lambda folder: self._found.get(folder, 0))
        below, _, last = name.rpartition("/")
        key = (self._first, below)
        if key not in self._lists:
            folder = self._first / below
            self._lists[key] = str(folder / "_")[:-1], _files_in(folder)
        start, files = self._lists[key]
        if last not in files:
            return None
        self._found[self._first] = self._found.get(self._first, 0) + 1
        return start + last

    def _find_by_name(self, path: Path) -> Path | None:
        for name in dict.fromkeys((path.name, unquote(path.name))):
            same = self._by_name.get(name, [])
            if len(same) == 1:
                return same[0]
            if same:
                common = [_common_end(path.parts, one.parts) for one in same]
                best = max(common)
                return same[common.index(best)] if best > 1 and common.count(best) == 1 else None
        return None

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        by_name: dict[str, list[Path]] = {}
        for path in image_files(self._root) if self._root else ():
            by_name.setdefault(path.name, []).append(path)
        return by_name


def _files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except (OSError, ValueError):
        return frozenset()


def _without_server(name: str) -> Path:
    """The path in a stated name: Label Studio's local files are `/data/local-files/?d=folder/a.jpg`."""
    return stated(name.partition("?d=")[2] or name)


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of equal parts at the ends of two paths."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
