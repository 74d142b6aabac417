"""Keypoints in a COCO file: names in its categories, three numbers for each keypoint in its annotations.

Beside COCO's standard `keypoints` and `skeleton` (edges, counted from 1) a category may have `flip_pairs`,
pairs of numbers from 1 or of names, and `sigmas`.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from centernet.data.formats.coco.defect_log import DefectLog, number_of, whole_number
from centernet.data.formats.common.files import LARGEST_PX
from centernet.data.formats.common.skeleton_fields import are_names, numbered_names, skeleton_of
from centernet.structures import Skeleton

_BOX_STAYS = "its box is used, its keypoints count as not labelled"


def read_skeletons(
    categories: Mapping[int, Mapping[str, Any]], annotations: list[Any], log: DefectLog
) -> tuple[Skeleton | None, ...]:
    """The skeleton of each category of a file; empty where none has any."""
    nameless = [
        number for number, entry in categories.items() if not are_names(entry.get("keypoints") or None)
    ]
    counts = _count_keypoints(annotations, frozenset(nameless)) if nameless else {}
    skeletons: list[Skeleton | None] = []
    for category_id, entry in categories.items():
        place = f"category {category_id}"
        names = entry.get("keypoints")
        if category_id in nameless:
            count = counts.get(category_id, 0)
            if names or count:
                message = f"{names!r} are no names" if names else "no keypoints are listed"
                action = f"they are called keypoint_1 to keypoint_{count}" if count else "not used"
                log.add("unnamed keypoints", place, f"{message}; its annotations have {count}", action)
            names = list(numbered_names(count))
        if not names:
            skeletons.append(None)
            continue
        report = partial(_report, log, place)
        skeletons.append(
            skeleton_of(
                names,
                report,
                edges=entry.get("skeleton") or None,
                pairs=entry.get("flip_pairs"),
                sigmas=entry.get("sigmas"),
                first=1,
            )
        )
    return tuple(skeletons) if any(skeletons) else ()


def read_keypoints(value: Any, number: int, name: str, count: int, log: DefectLog) -> list[float]:
    """Three numbers for each keypoint of the class; NaN for invalid values, zeros if nothing is labelled.

    Args:
        value: The annotation's `keypoints`.
        number: The annotation's id.
        name: Name of its class.
        count: Number of keypoints of the class.
        log: Receives lists of the wrong length or type.
    """
    none = [0.0] * (3 * count)
    if not value:
        return none
    place = f"annotation {number}"
    if not isinstance(value, list):
        log.add("broken keypoints", place, f"keypoints is {value!r}, no list", _BOX_STAYS)
        return none
    numbers = list(map(float, value)) if _are_valid(value) else [_number(item) for item in value]
    if count and len(numbers) == 2 * count:
        message = f"keypoints has {len(numbers)} numbers, x and y without visibility"
        log.add("visibility", place, message, "those at (0, 0) are not labelled, the others are visible")
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        numbers = [number for x, y in pairs for number in (x, y, 2.0 if (x, y) != (0, 0) else 0.0)]
    if len(numbers) != 3 * count:
        if any(numbers):
            message = f"keypoints has {len(numbers)} numbers, but {name} has {count} keypoints: {3 * count}"
            log.add("keypoint count", place, message, _BOX_STAYS)
        return none
    return numbers


def category_fields(skeleton: Skeleton | None) -> dict[str, Any]:
    """The fields of a category that describe its keypoints."""
    if skeleton is None:
        return {}
    fields: dict[str, Any] = {
        "keypoints": list(skeleton.names),
        "skeleton": [[first + 1, second + 1] for first, second in skeleton.edges],
        "flip_pairs": [[left + 1, right + 1] for left, right in skeleton.pairs],
    }
    return fields | ({"sigmas": list(skeleton.sigmas)} if skeleton.sigmas else {})


def annotation_fields(keypoints: list[list[float]], count: int) -> dict[str, Any]:
    """The fields of an annotation for the `count` keypoints of its class."""
    if not count:
        return {}
    keypoints = keypoints[:count]
    return {
        "keypoints": [number for x, y, visibility in keypoints for number in (x, y, int(visibility))],
        "num_keypoints": sum(visibility > 0 for _, _, visibility in keypoints),
    }


def _report(log: DefectLog, place: str, kind: str, message: str, action: str) -> None:
    log.add(kind, place, message, action)


def _count_keypoints(annotations: list[Any], category_ids: frozenset[int]) -> dict[int, int]:
    """The most frequent number of keypoints in annotations of each of these categories."""
    counts: dict[int, Counter[int]] = {}
    for entry in annotations:
        numbers = entry.get("keypoints") if isinstance(entry, dict) else None
        if isinstance(numbers, list) and numbers and len(numbers) % 3 == 0:
            category_id = whole_number(entry.get("category_id"))
            if category_id in category_ids and category_id is not None:
                counts.setdefault(category_id, Counter())[len(numbers) // 3] += 1
    return {category_id: counter.most_common(1)[0][0] for category_id, counter in counts.items()}


def _are_valid(values: list[Any]) -> bool:
    """True if all are numbers of a possible size. Fast, as there are millions."""
    return set(map(type, values)) <= {int, float} and max(values) < LARGEST_PX and min(values) > -LARGEST_PX


def _number(value: Any) -> float:
    number = number_of(value)
    # Too large a coordinate is treated as infinite.
    return float(number) if number is not None and abs(number) < LARGEST_PX else float("nan")
