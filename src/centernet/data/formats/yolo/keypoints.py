"""Keypoints in a YOLO data set: number and names in `data.yaml`, coordinates at the end of each line.

Source: https://docs.ultralytics.com/datasets/pose. Beside its `kpt_shape`, `flip_idx` and `kpt_names` the
file may have `kpt_edges`, pairs of keypoints to join by a line, and `kpt_sigmas`. As `kpt_names`, each may be
one list for all classes, or one for each class number.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.data.formats.common.skeleton_fields import ReportDefect, are_names, numbered_names, skeleton_of
from centernet.errors import InputError
from centernet.structures import Categories, Defect, Skeleton
from centernet.structures.skeletons import COCO_PERSON

_MAX_KEYPOINTS = 10_000

KeypointShape = tuple[int, int]
"""Number of keypoints in a line, and of values for each keypoint: 2 or 3."""


def read_shape(file: Path, content: Mapping[str, Any]) -> KeypointShape | None:
    """The value of `kpt_shape`; None where it is missing.

    Raises:
        InputError: The value is not a pair of valid numbers.
    """
    shape = content.get("kpt_shape")
    if shape is None:
        return None
    is_pair = isinstance(shape, list) and len(shape) == 2 and all(type(side) is int for side in shape)
    if not is_pair or not 1 <= shape[0] <= _MAX_KEYPOINTS or shape[1] not in (2, 3):
        raise InputError(f"{file}, kpt_shape: give [number of keypoints, 2 or 3]; got {shape!r}")
    return shape[0], shape[1]


def read_skeletons(
    file: Path,
    content: Mapping[str, Any],
    names: Mapping[int, str],
    shape: KeypointShape,
    defects: list[Defect],
) -> tuple[Skeleton | None, ...]:
    """The skeleton of each class; invalid fields are not used and added to the defects.

    Args:
        file: The `data.yaml`, for messages.
        content: Its content.
        names: Names of the classes by number.
        shape: As returned by `read_shape`.
        defects: List that invalid fields are added to.
    """
    return tuple(
        _skeleton(file, content, class_id, names[class_id], shape[0], defects) for class_id in sorted(names)
    )


def _skeleton(
    file: Path, content: Mapping[str, Any], class_id: int, class_name: str, count: int, defects: list[Defect]
) -> Skeleton | None:
    def report(kind: str, message: str, action: str) -> None:
        defect = Defect(kind=kind, where=f"{file}, class {class_id}", message=message, action=action)
        if not any(defect.message == other.message for other in defects):
            defects.append(defect)

    field = partial(_field, content, class_id)
    names, order = field("kpt_names"), field("flip_idx")
    if names is not None and (not are_names(names) or len(names) > count):
        report(
            "keypoint names", f"kpt_names {names!r} are not {count} names", "keypoints are called by number"
        )
        names = None
    if names is None:
        is_person = class_name.lower() == "person" and order == list(COCO_PERSON.flip_indices)
        names = list(COCO_PERSON.names if is_person else numbered_names(count))
    if not names:
        return None
    return skeleton_of(
        names,
        report,
        edges=field("kpt_edges"),
        pairs=None if order is None else _pairs(order, names, count, report),
        sigmas=field("kpt_sigmas"),
    )


def _field(content: Mapping[str, Any], class_id: int, key: str) -> Any:
    value = content.get(key)
    return value.get(class_id) if isinstance(value, dict) else value


def _pairs(order: Any, names: Sequence[str], count: int, report: ReportDefect) -> list[list[int]]:
    """The pairs that `flip_idx` exchanges; none if it is not made of pairs."""
    action = "no pair is used, so images are not flipped"
    if order == []:
        return []
    if not isinstance(order, list) or len(order) != count or any(type(number) is not int for number in order):
        report("left-right pairs", f"flip_idx {order!r} is not a list of {count} numbers", action)
        return []
    for number, other in enumerate(order):
        back = order[other] if 0 <= other < count else None
        if back != number:
            there = "which does not exist" if back is None else f"but {other} with {back}"
            report("left-right pairs", f"flip_idx exchanges keypoint {number} with {other}, {there}", action)
            return []
    return [[left, right] for left, right in enumerate(order) if left < right < len(names)]


def read_row(
    numbers: Sequence[float], shape: KeypointShape, size: tuple[int, int]
) -> Float[np.ndarray, "k 3"]:
    """`(x, y, visibility)`, image pixels, from the last columns of a line.

    Without visibility, all are visible but those at (0, 0), which are not labelled.
    """
    values = np.array(numbers, dtype=np.float64).reshape(shape)
    if shape[1] == 2:
        visibility = np.where((values == 0).all(axis=1), 0.0, 2.0)
        values = np.concatenate([values, visibility[:, None]], axis=1)
    rows, columns = size
    return values * np.array([columns, rows, 1.0])


def yaml_fields(categories: Categories) -> dict[str, Any]:
    """The fields of `data.yaml` that describe keypoints; none if no class has any."""
    if not categories.max_keypoints:
        return {}
    skeletons = [skeleton or Skeleton(names=()) for skeleton in categories.skeletons]
    fields: dict[str, Any] = {
        "kpt_shape": [categories.max_keypoints, 3],
        "kpt_names": {label: list(skeleton.names) for label, skeleton in enumerate(skeletons)},
        "kpt_edges": {label: [list(edge) for edge in one.edges] for label, one in enumerate(skeletons)},
    }
    orders = [row.tolist() for row in categories.flip_indices]
    if any(skeleton.pairs for skeleton in skeletons):
        longest = orders[int(np.argmax(categories.num_keypoints))]
        is_common = all(
            order[: len(skeleton)] == longest[: len(skeleton)]
            for order, skeleton in zip(orders, skeletons, strict=True)
        )
        fields["flip_idx"] = longest if is_common else dict(enumerate(orders))
    if any(skeleton.sigmas for skeleton in skeletons):
        sigmas = {label: list(one.sigmas) for label, one in enumerate(skeletons) if one.sigmas}
        fields["kpt_sigmas"] = sigmas
    return fields


def columns_of(keypoints: Float[np.ndarray, "n k 3"], size: tuple[int, int]) -> list[str]:
    """The keypoints as the last columns of each line."""
    rows, columns = size
    fractions = (keypoints.astype(np.float64) / np.array([columns, rows, 1])).tolist()
    return ["".join(f" {x:.10g} {y:.10g} {int(visibility)}" for x, y, visibility in row) for row in fractions]
