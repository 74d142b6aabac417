"""Annotation files of one image each, in folders of any name: their splits, their images, their json."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from centernet.data.formats.common.files import read_text
from centernet.data.formats.common.find_images import ImageFinder
from centernet.data.formats.common.splits import WHOLE, split_in
from centernet.errors import InputError
from centernet.io import values
from centernet.io.images import is_image
from centernet.io.paths import is_file, stated, visible, walk_once
from centernet.structures import Defect

_DEPTH = 4
"""Folders are looked into so many levels below the data set's."""
_TESTED = 3
"""The files of a folder are of a format if one of the first few is."""
_SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG", ".PNG", ".bmp", ".tif", ".tiff", ".webp")
"""Of images that are looked for by the name of their annotation file, the commonest first."""


def files_by_split(path: Path, suffix: str, is_own: Callable[[Path], bool]) -> dict[str, list[Path]]:
    """The annotation files below a folder by the split that a folder on the way to them names.

    Args:
        path: Folder of the data set.
        suffix: Of the annotation files, in lower case: `.xml`.
        is_own: Tests if a file is of the format.
    """
    found: dict[str, list[Path]] = {}
    for folder, names in walk_once(path, _DEPTH):
        parts = folder.relative_to(path).parts
        files = visible(folder / name for name in names if name.lower().endswith(suffix))
        if files and any(map(is_own, files[:_TESTED])):
            split = next((split for part in reversed(parts) if (split := split_in(part))), WHOLE)
            found.setdefault(split, []).extend(files)
    return dict(sorted(found.items()))


def image_of(file: Path, named: str, finder: ImageFinder) -> Path:
    """The image of an annotation file: as it states, or of its own name, beside it or wherever there is one.

    Args:
        file: The annotation file.
        named: The image that it names; empty if it names none.
        finder: Finds images elsewhere.
    """
    own = [f"{file.stem}{suffix}" for suffix in _SUFFIXES]
    names = [named, *own] if named else own
    beside = (file.parent / path for name in names for path in (stated(name), Path(stated(name).name)))
    found = next((path for path in beside if is_file(path)), None)
    # Of images of one name in several folders, the one in a folder of the same name as the file's is meant.
    near = (finder.find(f"{file.parent.name}/{name}") or finder.find(name) for name in names)
    return found or next((path for path in near if path), None) or finder.find_all(names[:1])[0]


def images_without_file(folders: Sequence[Path], used: Sequence[Path], suffix: str) -> list[Defect]:
    """A defect for each image in some folders that no annotation file is of.

    Args:
        folders: Folders of images.
        used: Images that have a file.
        suffix: Of the annotation files.
    """
    known = set(used)
    return [
        Defect(
            kind="image without annotation file",
            where=str(image),
            message=f"{image.name} has no {image.stem}{suffix}: it is not known if it has objects",
            action="left out",
        )
        for folder in folders
        for image in visible(folder.iterdir() if folder.is_dir() else ())
        if is_image(image) and image not in known
    ]


def read_json(file: Path) -> dict[str, Any]:
    """The object in a json file.

    Raises:
        InputError: The file cannot be read or holds something else.
    """
    content = values.read_json(read_text(file), str(file))
    if not isinstance(content, dict):
        raise InputError(f"{file} holds a {type(content).__name__}, not an object")
    return content
