"""The fields of a COCO file, each checked before it is believed."""

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from centernet.data.files import LARGEST_PX
from centernet.errors import InputError
from centernet.structures import Annotations, Categories, Defect


@dataclass(frozen=True)
class Problems:
    """What does not make sense in one file, in the order it was met."""

    file: str
    found: list[Defect] = field(default_factory=list)

    def add(self, kind: str, place: str, message: str, action: str = "left out") -> None:
        """Note a defect at a place of the file."""
        self.found.append(Defect(kind=kind, where=f"{self.file}, {place}", message=message, action=action))


def whole_number(value: object) -> int | None:
    """The whole number that a field holds, also where it was written as 1.0 or "1"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value) if abs(value) < 2**63 else None
    return None


def read_categories(file: Path, entries: list[Any]) -> Categories:
    """The categories of a file, in the order of their ids.

    Raises:
        InputError: There are none, or one has no name or no id of its own.
    """
    names: dict[int, str] = {}
    for position, entry in enumerate(entries):
        category_id = whole_number(entry.get("id")) if isinstance(entry, dict) else None
        if category_id is None or not isinstance(entry.get("name"), str):
            raise InputError(f"{file}, categories[{position}]: {entry!r} needs a whole-number id and a name")
        if category_id in names:
            raise InputError(f"{file}, categories[{position}]: id {category_id} is taken, give it another")
        names[category_id] = entry["name"]
    if not names:
        raise InputError(f"{file} has no categories: list at least one class")
    ids = tuple(sorted(names))
    return Categories(tuple(names[category_id] for category_id in ids), ids)


def read_objects(
    entries: list[Any], categories: Categories, image_ids: Container[int], problems: Problems
) -> dict[int, Annotations]:
    """The objects of each image that has any."""
    labels = {category_id: label for label, category_id in enumerate(categories.ids)}
    by_image: dict[int, list[_Row]] = {}
    seen: set[int] = set()
    for position, entry in enumerate(entries):
        try:
            image_id, row = _read_object(entry, labels, image_ids)
        except _BrokenError as error:
            number = whole_number(entry.get("id")) if isinstance(entry, dict) else None
            place = f"annotations[{position}]" if number is None else f"annotation {number}"
            problems.add(error.kind, place, str(error))
            continue
        if row[0] in seen:
            problems.add("duplicate annotation id", f"annotation {row[0]}", "another has this id", "used")
        seen.add(row[0])
        by_image.setdefault(image_id, []).append(row)
    return {image_id: _collect(rows) for image_id, rows in by_image.items()}


_Row = tuple[int, int, list[float], bool, float]
"""Id, label, corners, crowd and area of one object."""


class _BrokenError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _read_object(entry: Any, labels: dict[int, int], image_ids: Container[int]) -> tuple[int, _Row]:
    """Image id and object."""
    if not isinstance(entry, dict):
        raise _BrokenError("broken annotation", f"{entry!r} is not an object")
    number = whole_number(entry.get("id"))
    if number is None:
        raise _BrokenError("broken annotation", f"id {entry.get('id')!r} is not a whole number")
    image_id, category_id = whole_number(entry.get("image_id")), whole_number(entry.get("category_id"))
    if image_id is None or image_id not in image_ids:
        raise _BrokenError("unknown image", f"no image has id {entry.get('image_id')!r}")
    if category_id is None or category_id not in labels:
        raise _BrokenError("unknown class", f"no category has id {entry.get('category_id')!r}")
    x, y, width, height = _read_box(entry.get("bbox"))
    area: Any = entry.get("area")
    # A mask's area where there is a mask; `type` because True is an int too.
    is_stated = type(area) in (int, float) and abs(area) < LARGEST_PX**2
    corners = [x, y, x + width, y + height]
    row = (
        number,
        labels[category_id],
        corners,
        entry.get("iscrowd") in (1, True),
        float(area if is_stated else width * height),
    )
    return image_id, row


def _read_box(box: Any) -> list[float]:
    if not isinstance(box, list):
        raise _BrokenError("broken box", f"bbox is {box!r}, not [x, y, width, height]")
    if len(box) != 4:
        raise _BrokenError("broken box", f"bbox has {len(box)} numbers, not 4")
    for value in box:
        if type(value) not in (int, float):
            raise _BrokenError("broken box", f"bbox {box} holds {value!r}, which is not a number")
        if not abs(value) < LARGEST_PX:
            raise _BrokenError("broken box", f"bbox {box} is not finite")
    return [float(value) for value in box]


def _collect(rows: list[_Row]) -> Annotations:
    ids, labels, corners, crowds, areas = zip(*rows, strict=True)
    return Annotations(
        boxes=np.array(corners, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        is_crowd=np.array(crowds, dtype=bool),
        ids=np.array(ids, dtype=np.int64),
        areas=np.array(areas, dtype=np.float32),
    )
