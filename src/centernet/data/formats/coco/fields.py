"""Categories and annotations of a COCO file, validated field by field."""

from collections.abc import Collection, Container
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.data.formats.coco.boxes3d import UNKNOWN_3D, read_box3d
from centernet.data.formats.coco.defect_log import (
    DefectLog,
    Ids,
    number_of,
    whole_number,
    whole_numbers,
)
from centernet.data.formats.coco.keypoints import read_keypoints
from centernet.data.formats.coco.outlines import box_of_outline
from centernet.data.formats.coco.raw_file import RawObjects
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.keypoint_checks import check_keypoints
from centernet.errors import InputError
from centernet.structures import Categories
from centernet.structures.skeletons import AREA_FRACTION

_NUMBERS = {int, float}
"""Types of a number; not `isinstance`, as True is an int too."""


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


@dataclass(frozen=True, kw_only=True)
class CocoObjects:
    """The valid annotations of a file as columns, in the order of the file.

    Attributes:
        positions: Place of each in the list `annotations`.
        numbers: Its id.
        image_ids: Id of its image.
        category_ids: Id of its category.
        boxes: `x, y, width, height`.
        is_crowd: True for a region of many objects.
        areas: Square pixels.
        raw: All annotations as the file has them.
    """

    positions: Int[np.ndarray, " m"]
    numbers: Int[np.ndarray, " m"]
    image_ids: Int[np.ndarray, " m"]
    category_ids: Int[np.ndarray, " m"]
    boxes: Float[np.ndarray, "m 4"]
    is_crowd: Bool[np.ndarray, " m"]
    areas: Float[np.ndarray, " m"]
    raw: RawObjects

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def with_keypoints(self) -> list[dict[str, Any]]:
        """Category and keypoints of those that have any."""
        pairs = zip(self.positions.tolist(), self.category_ids.tolist(), strict=True)
        return [
            {"category_id": category_id, "keypoints": keypoints}
            for position, category_id in pairs
            if (keypoints := self.raw.keypoints[position])
        ]


def checked_objects(
    raw: RawObjects, images: Ids, image_ids: Collection[int], category_ids: Collection[int], log: DefectLog
) -> CocoObjects:
    """The valid annotations of a file; the log receives the others.

    An annotation without an id, or with one that is no number, gets a number; one without a box has the box
    round its outline.

    Args:
        raw: The list `annotations`.
        images: Numbers of the ids of images.
        image_ids: Those that there are.
        category_ids: Those of the categories.
        log: Receives defects and notes.
    """
    stated, has_number = whole_numbers(raw.ids)
    of_image, has_image = images.numbers(raw.image_ids)
    of_category, has_category = whole_numbers(raw.category_ids)
    has_image &= np.isin(of_image, np.fromiter(image_ids, np.int64))
    has_category &= np.isin(of_category, np.fromiter(category_ids, np.int64))
    boxes, has_box = _plain_boxes(raw.boxes)
    is_valid = has_image & has_category & has_box
    areas = _areas(raw, boxes)

    def place_of(position: int) -> str:
        return f"annotation {stated[position]}" if has_number[position] else f"annotations[{position}]"

    complaints: list[_Complaint] = []
    # What is unusual is looked at one by one.
    for position in np.flatnonzero(~is_valid).tolist():
        try:
            entry = raw.entry(position)
            checked = _checked_object(entry, images, image_ids, category_ids)
        except _BrokenError as error:
            complaints.append((position, 0, error.kind, place_of(position), str(error), "left out"))
            continue
        of_image[position], of_category[position], boxes[position], areas[position] = checked
        is_valid[position] = True
    positions = np.flatnonzero(is_valid)
    numbers, is_stated = stated[positions], has_number[positions]
    for position in positions[_are_repeated(numbers, is_stated)].tolist():
        kind = "duplicate annotation id"
        complaints.append((position, 1, kind, place_of(position), "another has this id", "used"))
    is_crowd, unclear = _crowds(raw.crowds, positions)
    for position in unclear:
        message = f"iscrowd is {raw.crowds[position]!r}, neither 0 nor 1"
        complaints.append((position, 2, "broken crowd flag", place_of(position), message, "it counts as 0"))
    for _, _, *complaint in sorted(complaints, key=lambda one: one[:2]):
        log.add(*complaint)
    without = len(positions) - int(is_stated.sum())
    if without:
        first = int(stated[has_number].max()) + 1 if has_number.any() else 1
        numbers[~is_stated] = first + np.arange(without)
        log.note("annotations without id", f"{without} have no id, or one that is no number", "numbered")
    return CocoObjects(
        positions=positions,
        numbers=numbers,
        image_ids=of_image[positions],
        category_ids=of_category[positions],
        boxes=boxes[positions],
        is_crowd=is_crowd,
        areas=areas[positions],
        raw=raw,
    )


_Complaint = tuple[int, int, str, str, str, str]
"""Position of an annotation, order of its complaints, kind, place, message and action."""


def read_objects(found: CocoObjects, categories: Categories, log: DefectLog) -> dict[str, np.ndarray]:
    """The columns of all objects, in the order of the file, as `Records` have them."""
    # Labels are in the order of ids.
    labels = np.searchsorted(np.array(categories.ids), found.category_ids)
    corners = found.boxes.copy()
    corners[:, 2:] += corners[:, :2]
    keypoints, boxes3d = _more_columns(found, labels, categories, log)
    more: dict[str, np.ndarray] = {"keypoints": keypoints} if keypoints.shape[1] else {}
    if boxes3d is not None:
        more |= {"boxes3d": boxes3d[:, :7], "alpha_rad": boxes3d[:, 7]}
        more |= {"truncation": boxes3d[:, 8], "occlusion": boxes3d[:, 9]}
    return {
        "boxes": corners.astype(np.float32),
        "labels": labels.astype(np.int64),
        "is_crowd": found.is_crowd,
        "ids": found.numbers,
        "areas": found.areas.astype(np.float32),
        **more,
    }


def _more_columns(
    found: CocoObjects, labels: Int[np.ndarray, " m"], categories: Categories, log: DefectLog
) -> tuple[Float[np.ndarray, "m k 3"], Float[np.ndarray, "m 10"] | None]:
    """Keypoints; and 3D box, alpha, truncation and occlusion, None where no object has any."""
    raw, count = found.raw, len(found)
    with_boxes3d = set(raw.with_boxes3d)
    boxes3d = np.tile(np.array(UNKNOWN_3D, dtype=np.float32), (count, 1)) if with_boxes3d else None
    rows: list[int] = []
    numbers: list[list[float]] = []
    for row, position in enumerate(found.positions.tolist()):
        if value := raw.keypoints[position]:
            label = int(labels[row])
            wanted = categories.num_keypoints[label]
            one = read_keypoints(value, int(found.numbers[row]), categories.names[label], wanted, log)
            rows.append(row)
            numbers.append(one + [0.0] * (3 * categories.max_keypoints - len(one)))
        if boxes3d is not None and position in with_boxes3d:
            boxes3d[row] = read_box3d(raw.entry(position), int(found.numbers[row]), log)
    keypoints = np.zeros((count, categories.max_keypoints, 3), dtype=np.float32)
    if rows:
        unchecked = np.array(numbers, dtype=np.float64).reshape(len(rows), categories.max_keypoints, 3)
        checked, faults = check_keypoints(unchecked, labels[rows], categories)
        for fault in faults:
            place = f"annotation {found.numbers[rows[fault.row]]}"
            log.add(fault.kind, place, fault.message, fault.action)
        keypoints[rows] = checked
    return keypoints, boxes3d


def _plain_boxes(values: list[Any]) -> tuple[Float[np.ndarray, "n 4"], Bool[np.ndarray, " n"]]:
    """Boxes, and which of them are four numbers of a possible size; the others are 0."""
    are_lists = set(map(type, values)) <= {list} and set(map(len, values)) <= {4}
    if are_lists and set(map(type, chain.from_iterable(values))) <= _NUMBERS:
        try:
            boxes = np.fromiter(chain.from_iterable(values), np.float64, 4 * len(values)).reshape(-1, 4)
            with np.errstate(invalid="ignore"):
                is_plain = np.asarray((np.abs(boxes) < LARGEST_PX).all(axis=1))
            return boxes, is_plain
        except OverflowError:
            pass
    flags = [
        type(value) is list
        and len(value) == 4
        and all(type(number) in _NUMBERS and abs(number) < LARGEST_PX for number in value)
        for value in values
    ]
    zeros = [0.0] * 4
    rows = [value if flag else zeros for value, flag in zip(values, flags, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(-1, 4), np.array(flags, dtype=bool)


def _areas(raw: RawObjects, boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """The stated areas, and those of boxes where none, or an impossible one, is stated."""
    values = raw.areas
    if not set(map(type, values)) <= {float}:
        values = [
            value if type(value) in _NUMBERS and abs(value) < LARGEST_PX**2 else np.nan for value in values
        ]
    stated = np.array(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        is_missing = ~(np.abs(stated) < LARGEST_PX**2)
    if is_missing.any():
        has_keypoints = np.fromiter(map(bool, raw.keypoints), bool, len(values))
        share = np.where(has_keypoints, AREA_FRACTION, 1.0)
        stated = np.where(is_missing, boxes[:, 2] * boxes[:, 3] * share, stated)
    return stated


def _crowds(values: list[Any], positions: Int[np.ndarray, " m"]) -> tuple[Bool[np.ndarray, " m"], list[int]]:
    """Which of the annotations at some positions are crowd regions, and where that is unclear."""
    chosen = (
        values if len(positions) == len(values) else [values[position] for position in positions.tolist()]
    )
    if set(map(type, chosen)) <= {int} and set(chosen) <= {0, 1}:
        return np.array(chosen, dtype=bool), []
    flags = list(map(_is_crowd, chosen))
    unclear = [position for position, flag in zip(positions.tolist(), flags, strict=True) if flag is None]
    return np.fromiter(map(bool, flags), bool, len(flags)), unclear


def _are_repeated(
    numbers: Int[np.ndarray, " m"], is_stated: Bool[np.ndarray, " m"]
) -> Bool[np.ndarray, " m"]:
    """True for a stated number that is there before."""
    rows = np.flatnonzero(is_stated)
    is_repeated = np.zeros(len(numbers), dtype=bool)
    is_repeated[rows] = True
    is_repeated[rows[np.unique(numbers[rows], return_index=True)[1]]] = False
    return is_repeated


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
    is_stated = type(area) in (int, float) and 0 <= area < LARGEST_PX**2
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
    numbers = []
    for value in box:
        # A call would take long for millions.
        number = value if type(value) is float else number_of(value)
        if number is None:
            raise _BrokenError("broken box", f"bbox {box} holds {value!r}, which is not a number")
        if not abs(number) < LARGEST_PX:
            raise _BrokenError("broken box", f"bbox {box} is not finite")
        numbers.append(float(number))
    return numbers
