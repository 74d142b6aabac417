"""Where the files of a data set lie, and how messages name a place in them."""

import os
from pathlib import Path

from centernet.errors import InputError
from centernet.io.images import is_image
from centernet.structures import ImageRecord

LARGEST_PX = 1e9
"""Coordinates beyond this are slips of the pen; NaN and infinity are not below it either."""


def image_files(folder: Path) -> list[Path]:
    """The images in a folder and in those below it, sorted by path."""
    return sorted(
        Path(parent) / name
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
        if is_image(Path(name))
    )


def location_of(record: ImageRecord, index: int) -> str:
    """Where object `index` of an image is written: `labels.txt:7`, `train.json, annotation 17`."""
    number = record.annotations.ids[index]
    # The ids of formats that have one text file for each image are its line numbers.
    is_json = record.source.lower().endswith(".json")
    return f"{record.source}, annotation {number}" if is_json else f"{record.source}:{number}"


def read_text(path: Path) -> str:
    """The text of an annotation file.

    Raises:
        InputError: The file cannot be read or is not text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: save it as UTF-8") from error
