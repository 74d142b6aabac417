"""Files of a data set: images in folders, text, and places named in messages."""

from pathlib import Path

from centernet.errors import InputError
from centernet.io.images import is_image
from centernet.io.paths import walk_once
from centernet.io.plain_files import read_plain
from centernet.structures import ImageRecord

LARGEST_PX = 1e9
"""Coordinates beyond this are mistakes; NaN and infinity are not below it either."""


def image_files(folder: Path) -> list[Path]:
    """The images in a folder and its subfolders, sorted by path; a folder that links lead to twice, once."""
    found = [parent / name for parent, names in walk_once(folder) for name in names if is_image(Path(name))]
    return sorted(found)


def images_by_stem(folder: Path) -> dict[str, Path]:
    """The images directly in a folder by their names without suffix; none if there is no such folder."""
    files = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    return {file.stem: file for file in files if is_image(file)}


def location_of(record: ImageRecord, index: int) -> str:
    """The place of object `index` of an image in its file: `labels.txt:7`, `train.json, annotation 17`."""
    number = record.annotations.ids[index]
    # The ids of formats that have one text file for each image are its line numbers.
    is_json = record.source.lower().endswith(".json")
    return f"{record.source}, annotation {number}" if is_json else f"{record.source}:{number}"


def read_text(path: Path) -> str:
    """The text of an annotation file.

    Raises:
        InputError: The file cannot be read or is not text.
    """
    content = read_plain(path)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8") from error
