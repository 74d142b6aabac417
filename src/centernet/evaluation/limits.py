"""How many detections of an image are counted, and what to say where it has more objects."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from centernet.structures import Dataset

COCO_COUNTS = (1, 10, 100)
"""Numbers of best detections of a class in an image that COCO counts; AP is of the largest."""

COCO_POSES = 20
"""The same number for keypoints."""


def counts_of(max_det: int | None) -> tuple[int, ...]:
    """The numbers of best detections of a class in an image for AR; AP counts the largest.

    Args:
        max_det: As it was asked for; None for COCO's.
    """
    if max_det is None:
        return COCO_COUNTS
    return (*(count for count in COCO_COUNTS if count < max_det), max_det)


def class_notes(ground_truth: Mapping[str, Any], limit: int) -> tuple[str, ...]:
    """A line if an image has more objects of a class than are counted.

    Args:
        ground_truth: Content of a COCO file.
        limit: Number of detections of a class that are counted in an image.
    """
    return _notes(ground_truth, ground_truth["annotations"], limit, "AP")


def pose_notes(ground_truth: Mapping[str, Any], limit: int) -> tuple[str, ...]:
    """A line if an image has more objects of a class with keypoints than are counted.

    Args:
        ground_truth: Content of a COCO file.
        limit: Number of detections of a class that are counted in an image.
    """
    annotations = [one for one in ground_truth["annotations"] if any(one.get("keypoints", ())[2::3])]
    return _notes(ground_truth, annotations, limit, "OKS AP")


def _notes(
    ground_truth: Mapping[str, Any], annotations: Iterable[Mapping[str, Any]], limit: int, metric: str
) -> tuple[str, ...]:
    counts = Counter((one["image_id"], one["category_id"]) for one in annotations if not one.get("iscrowd"))
    if not counts or max(counts.values()) <= limit:
        return ()
    (image_id, category_id), count = counts.most_common(1)[0]
    image = next(one for one in ground_truth["images"] if one["id"] == image_id)
    name = next(one["name"] for one in ground_truth["categories"] if one["id"] == category_id)
    return (
        f"{metric} counts the {limit} best detections of a class in an image, and "
        f"{_short(str(image.get('file_name', image_id)))} has {count} of {_short(str(name))}: "
        f"max_det={rounded_up(count)} counts more",
    )


def image_notes(dataset: Dataset, limit: int) -> tuple[str, ...]:
    """A line if an image has more objects than the detector gives detections.

    Args:
        dataset: Images with ground truth.
        limit: Number of detections that the detector gives of an image.
    """
    counts = [int((~record.annotations.is_crowd).sum()) for record in dataset.records]
    most = max(counts, default=0)
    if most <= limit:
        return ()
    name = dataset.records[counts.index(most)].path.name
    return (
        f"the detector gives at most {limit} detections of an image, and {_short(name)} has {most} objects: "
        f"max_det={rounded_up(most)} finds more",
    )


def rounded_up(count: int) -> int:
    """The number or a little more: a multiple of 50."""
    return -(-count // 50) * 50


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"…{name[-59:]}"
