"""The fields of a COCO file, each checked before it is believed."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.formats.coco.boxes3d import read_box3d
from centernet.data.formats.coco.keypoints import read_keypoints, read_skeletons
from centernet.data.formats.coco.problems import Problems, whole_number
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.errors import InputError
from centernet.structures import Annotations, Categories
from centernet.structures.skeletons import AREA_FRACTION


def read_categories(file: Path, entries: list[Any], annotations: list[Any], problems: Problems) -> Categories:
    """The categories of a file, in the order of their ids, with the keypoints that some have.

    Args:
        file: For messages.
        entries: The list `categories`.
        annotations: The list `annotations`, whose keypoints count where a category does not list any.
        problems: Hears of skeletons that make no sense.

    Raises:
        InputError: There are none, or one has no name or no id of its own.
    """
    found: dict[int, dict[str, Any]] = {}
    for position, entry in enumerate(entries):
        category_id = whole_number(entry.get("id")) if isinstance(entry, dict) else None
        if category_id is None or not isinstance(entry.get("name"), str):
            raise InputError(f"{file}, categories[{position}]: {entry!r} needs a whole-number id and a name")
        if category_id in found:
            raise InputError(f"{file}, categories[{position}]: id {category_id} is taken, give it another")
        found[category_id] = entry
    if not found:
        raise InputError(f"{file} has no categories: list at least one class")
    ids = tuple(sorted(found))
    skeletons = read_skeletons(
        {category_id: found[category_id] for category_id in ids}, annotations, problems
    )
    return Categories(tuple(found[category_id]["name"] for category_id in ids), ids, skeletons)


def read_objects(
    entries: list[Any], categories: Categories, image_ids: Container[int], problems: Problems
) -> dict[int, Annotations]:
    """The objects of each image that has any."""
    labels = {category_id: label for label, category_id in enumerate(categories.ids)}
    counts, most = categories.num_keypoints, categories.max_keypoints
    by_image: dict[int, list[int]] = {}
    rows: list[_Row] = []
    numbers: list[list[float]] = []
    solids: list[list[float]] = []
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
        by_image.setdefault(image_id, []).append(len(rows))
        rows.append(row)
        name, count = categories.names[row[1]], counts[row[1]]
        own = read_keypoints(entry.get("keypoints"), row[0], name, count, problems)
        numbers.append(own + [0.0] * (3 * most - len(own)))
        solids.append(read_box3d(entry, problems))
    if not rows:
        return {}
    every = _collect(rows, _checked(rows, numbers, categories, problems), solids)
    return {image_id: every[np.array(indices)] for image_id, indices in by_image.items()}


_Row = tuple[int, int, list[float], bool, float]
"""Id, label, corners, crowd and area of one object."""


def _checked(
    rows: list[_Row], numbers: list[list[float]], categories: Categories, problems: Problems
) -> Float[np.ndarray, "m k 3"]:
    whole = np.array(numbers, dtype=np.float64).reshape(len(rows), categories.max_keypoints, 3)
    keypoints, faults = check_keypoints(whole, np.array([row[1] for row in rows]), categories)
    for fault in faults:
        problems.add(fault.kind, f"annotation {rows[fault.row][0]}", fault.message, fault.action)
    return keypoints.astype(np.float32)


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
    share = AREA_FRACTION if entry.get("keypoints") else 1.0
    corners = [x, y, x + width, y + height]
    row = (
        number,
        labels[category_id],
        corners,
        entry.get("iscrowd") in (1, True),
        float(area if is_stated else height * width * share),
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


def _collect(
    rows: list[_Row], keypoints: Float[np.ndarray, "m k 3"], solids: list[list[float]]
) -> Annotations:
    space = np.array(solids, dtype=np.float32)
    ids, labels, corners, crowds, areas = zip(*rows, strict=True)
    return Annotations(
        boxes=np.array(corners, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        is_crowd=np.array(crowds, dtype=bool),
        ids=np.array(ids, dtype=np.int64),
        areas=np.array(areas, dtype=np.float32),
        keypoints=keypoints,
        boxes3d=space[:, :7],
        alpha_rad=space[:, 7],
        truncation=space[:, 8],
        occlusion=space[:, 9],
    )
