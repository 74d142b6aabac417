"""Categories and annotations of a COCO file, validated field by field."""

from collections.abc import Container
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from centernet.data.formats.coco.boxes3d import read_box3d
from centernet.data.formats.coco.defect_log import DefectLog, Ids, whole_number
from centernet.data.formats.coco.keypoints import read_keypoints
from centernet.data.formats.coco.outlines import box_of_outline
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.errors import InputError
from centernet.structures import Annotations, Categories
from centernet.structures.skeletons import AREA_FRACTION


def checked_categories(file: Path, entries: list[Any]) -> dict[int, dict[str, Any]]:
    """The categories of a file by id, in the order of the file.

    Args:
        file: For messages.
        entries: The list `categories`.

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
    return found


def without_group(
    categories: dict[int, dict[str, Any]], used: Container[int], log: DefectLog
) -> dict[int, dict[str, Any]]:
    """The categories without the one that only groups the others: Roboflow puts it first.

    Args:
        categories: By id.
        used: Ids of categories that have annotations.
        log: Receives a note about it.
    """
    for category_id, entry in categories.items():
        others = [other for number, other in categories.items() if number != category_id]
        is_group = entry.get("supercategory") == "none" and all(
            other.get("supercategory") == entry["name"] for other in others
        )
        if is_group and others and category_id not in used:
            message = f"{entry['name']!r}, id {category_id}, groups all other classes and has no object"
            log.note("name of a group", message, "it is no class")
            return {number: other for number, other in categories.items() if number != category_id}
    return categories


class CocoObject(NamedTuple):
    """One valid annotation, its fields spelled in one way.

    Attributes:
        number: Its id.
        image_id: Id of its image.
        category_id: Id of its category.
        box: `x, y, width, height`.
        is_crowd: A region of many objects.
        area: Square pixels.
        entry: The annotation as the file has it.
    """

    number: int
    image_id: int
    category_id: int
    box: list[float]
    is_crowd: bool
    area: float
    entry: dict[str, Any]


def checked_objects(
    entries: list[Any], images: Ids, image_ids: Container[int], category_ids: Container[int], log: DefectLog
) -> list[CocoObject]:
    """The valid annotations of a file; the log receives the others.

    An annotation without an id, or with one that is no number, gets a number; one without a box has the box
    round its outline.

    Args:
        entries: The list `annotations`.
        images: Numbers of the ids of images.
        image_ids: Those that there are.
        category_ids: Those of the categories.
        log: Receives defects and notes.
    """
    objects: list[CocoObject] = []
    numbers = [whole_number(entry.get("id")) if isinstance(entry, dict) else None for entry in entries]
    free = count(max((number for number in numbers if number is not None), default=0) + 1)
    seen: set[int] = set()
    without = 0
    for position, (entry, number) in enumerate(zip(entries, numbers, strict=True)):
        place = f"annotations[{position}]" if number is None else f"annotation {number}"
        try:
            image_id, category_id, box, area = _checked_object(entry, images, image_ids, category_ids)
        except _BrokenError as error:
            log.add(error.kind, place, str(error))
            continue
        if number is None:
            number, without = next(free), without + 1
        elif number in seen:
            log.add("duplicate annotation id", place, "another has this id", "used")
        seen.add(number)
        is_crowd = _is_crowd(entry.get("iscrowd"))
        if is_crowd is None:
            message = f"iscrowd is {entry['iscrowd']!r}, neither 0 nor 1"
            log.add("broken crowd flag", place, message, "it counts as 0")
        objects.append(CocoObject(number, image_id, category_id, box, bool(is_crowd), area, entry))
    if without:
        log.note("annotations without id", f"{without} have no id, or one that is no number", "numbered")
    return objects


def read_objects(found: list[CocoObject], categories: Categories, log: DefectLog) -> dict[int, Annotations]:
    """The objects of each image that has any, by image id."""
    labels = {category_id: label for label, category_id in enumerate(categories.ids)}
    counts, max_keypoints = categories.num_keypoints, categories.max_keypoints
    by_image: dict[int, list[int]] = {}
    rows: list[_Row] = []
    numbers: list[list[float]] = []
    boxes3d: list[list[float]] = []
    for one in found:
        by_image.setdefault(one.image_id, []).append(len(rows))
        x, y, width, height = one.box
        label = labels[one.category_id]
        rows.append((one.number, label, [x, y, x + width, y + height], one.is_crowd, one.area))
        keypoints = read_keypoints(
            one.entry.get("keypoints"), one.number, categories.names[label], counts[label], log
        )
        numbers.append(keypoints + [0.0] * (3 * max_keypoints - len(keypoints)))
        boxes3d.append(read_box3d(one.entry, one.number, log))
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


def _checked_object(
    entry: Any, images: Ids, image_ids: Container[int], category_ids: Container[int]
) -> tuple[int, int, list[float], float]:
    """Ids of image and category, box and area."""
    if not isinstance(entry, dict):
        raise _BrokenError("broken annotation", f"{entry!r} is not an object")
    image_id, category_id = images.number(entry.get("image_id")), whole_number(entry.get("category_id"))
    if image_id is None or image_id not in image_ids:
        raise _BrokenError("unknown image", f"no image has id {entry.get('image_id')!r}")
    if category_id is None or category_id not in category_ids:
        raise _BrokenError("unknown class", f"no category has id {entry.get('category_id')!r}")
    outline = None
    if not entry.get("bbox") and entry.get("segmentation"):
        try:
            outline = box_of_outline(entry["segmentation"])
        except ValueError as error:
            raise _BrokenError("broken box", f"there is no bbox, and {error}") from None
    if outline:
        box, default_area = outline
    else:
        box = _read_box(entry.get("bbox"))
        # A mask's area where there is a mask.
        default_area = box[2] * box[3] * (AREA_FRACTION if entry.get("keypoints") else 1.0)
    area: Any = entry.get("area")
    # `type` because True is an int too.
    is_stated = type(area) in (int, float) and abs(area) < LARGEST_PX**2
    return image_id, category_id, box, float(area if is_stated else default_area)


def _is_crowd(value: Any) -> bool | None:
    """The value of `iscrowd`, a number, a boolean or a text; None if it is none of these."""
    if type(value) is int and value in (0, 1):  # As nearly all of millions are.
        return value == 1
    if isinstance(value, str):
        value = value.strip().lower()
    if value in (1, "1", "1.0", "true", "yes"):
        return True
    return False if value in (0, None, "", "0", "0.0", "false", "no", "none", "null") else None


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
