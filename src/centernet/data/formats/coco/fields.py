"""Categories and annotations of a COCO file, validated field by field."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.formats.coco.boxes3d import read_box3d
from centernet.data.formats.coco.defect_log import DefectLog, whole_number
from centernet.data.formats.coco.keypoints import read_keypoints, read_skeletons
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.errors import InputError
from centernet.structures import Annotations, Categories
from centernet.structures.skeletons import AREA_FRACTION


def read_categories(file: Path, entries: list[Any], annotations: list[Any], log: DefectLog) -> Categories:
    """The categories of a file, in the order of their ids, with the keypoints that some have.

    Args:
        file: For messages.
        entries: The list `categories`.
        annotations: The list `annotations`; gives the number of keypoints where a category lists none.
        log: Receives invalid skeletons.

    Raises:
        InputError: There are no categories, or one has no name or no unique id.
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
    skeletons = read_skeletons({category_id: found[category_id] for category_id in ids}, annotations, log)
    return Categories(tuple(found[category_id]["name"] for category_id in ids), ids, skeletons)


def read_objects(
    entries: list[Any], categories: Categories, image_ids: Container[int], log: DefectLog
) -> dict[int, Annotations]:
    """The objects of each image that has any, by image id."""
    labels = {category_id: label for label, category_id in enumerate(categories.ids)}
    counts, max_keypoints = categories.num_keypoints, categories.max_keypoints
    by_image: dict[int, list[int]] = {}
    rows: list[_Row] = []
    numbers: list[list[float]] = []
    boxes3d: list[list[float]] = []
    seen: set[int] = set()
    for position, entry in enumerate(entries):
        try:
            image_id, row = _read_object(entry, labels, image_ids)
        except _BrokenError as error:
            number = whole_number(entry.get("id")) if isinstance(entry, dict) else None
            place = f"annotations[{position}]" if number is None else f"annotation {number}"
            log.add(error.kind, place, str(error))
            continue
        if row[0] in seen:
            log.add("duplicate annotation id", f"annotation {row[0]}", "another has this id", "used")
        seen.add(row[0])
        by_image.setdefault(image_id, []).append(len(rows))
        rows.append(row)
        name, count = categories.names[row[1]], counts[row[1]]
        keypoints = read_keypoints(entry.get("keypoints"), row[0], name, count, log)
        numbers.append(keypoints + [0.0] * (3 * max_keypoints - len(keypoints)))
        boxes3d.append(read_box3d(entry, log))
    if not rows:
        return {}
    objects = _collect(rows, _checked(rows, numbers, categories, log), boxes3d)
    return {image_id: objects[np.array(indices)] for image_id, indices in by_image.items()}


_Row = tuple[int, int, list[float], bool, float]
"""Id, label, corners, crowd and area of one object."""


def _checked(
    rows: list[_Row], numbers: list[list[float]], categories: Categories, log: DefectLog
) -> Float[np.ndarray, "m k 3"]:
    unchecked = np.array(numbers, dtype=np.float64).reshape(len(rows), categories.max_keypoints, 3)
    keypoints, faults = check_keypoints(unchecked, np.array([row[1] for row in rows]), categories)
    for fault in faults:
        log.add(fault.kind, f"annotation {rows[fault.row][0]}", fault.message, fault.action)
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
    fraction = AREA_FRACTION if entry.get("keypoints") else 1.0
    corners = [x, y, x + width, y + height]
    row = (
        number,
        labels[category_id],
        corners,
        entry.get("iscrowd") in (1, True),
        float(area if is_stated else height * width * fraction),
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
    rows: list[_Row], keypoints: Float[np.ndarray, "m k 3"], boxes3d: list[list[float]]
) -> Annotations:
    columns3d = np.array(boxes3d, dtype=np.float32)
    ids, labels, corners, crowds, areas = zip(*rows, strict=True)
    return Annotations(
        boxes=np.array(corners, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        is_crowd=np.array(crowds, dtype=bool),
        ids=np.array(ids, dtype=np.int64),
        areas=np.array(areas, dtype=np.float32),
        keypoints=keypoints,
        boxes3d=columns3d[:, :7],
        alpha_rad=columns3d[:, 7],
        truncation=columns3d[:, 8],
        occlusion=columns3d[:, 9],
    )
