"""Files of a data set: images in folders, text, and places named in messages."""

import os
from operator import attrgetter
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
    # As paths compare, part by part, which takes longer; on Windows letters of either case are equal.
    return sorted(found, key=None if os.name == "nt" else attrgetter("parts"))


def images_by_stem(folder: Path) -> dict[str, Path]:
    """The images directly in a folder by their names without suffix; none if there is no such folder."""
    files = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    return {file.stem: file for file in files if is_image(file)}


def location_of(record: ImageRecord, index: int) -> str:
    """The place of object `index` of an image in its file: `labels.txt:7`, `train.json, annotation 17`."""
    return place_in(record.source, int(record.annotations.ids[index]))


def place_in(source: str, number: int) -> str:
    """The place of the object with an id in what it was read from."""
    # The ids of formats that have one text file for each image are its line numbers.
    is_json = source.lower().endswith(".json")
    return f"{source}, annotation {number}" if is_json else f"{source}:{number}"


def read_text(path: Path) -> str:
    """The text of an annotation file.

    Raises:
        InputError: The file cannot be read or is not text.
    """
    return text_of(read_plain(path), path)


def text_of(data: bytes, path: Path) -> str:
    """The text in the bytes of a file.

    Raises:
        InputError: They are no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
