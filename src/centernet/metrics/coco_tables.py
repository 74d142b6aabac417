"""COCO's precision and recall tables of boxes and keypoints, by faster-coco-eval.

Source: Lin et al. 2014, https://cocodataset.org/#detection-eval.
"""

import logging
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.structures.skeletons import AREA_FRACTION

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""COCO's thresholds, of OKS too."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO samples precision."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision over recall of one class at IoU (or OKS) 0.5, at 101 recalls from 0 to 1.

    Attributes:
        recall: Fraction of the ground-truth objects found.
        precision: Best precision at this recall or a higher one; 0 if the recall is never reached.
        score: Score threshold at which the recall is reached; 0 if it never is.
    """

    recall: Float[np.ndarray, " r"]
    precision: Float[np.ndarray, " r"]
    score: Float[np.ndarray, " r"]


def accumulate(
    ground_truth: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    detections: Sequence[Mapping[str, Any]],
    counts: Sequence[int],
    sigmas: Sequence[float] | None = None,
    ious: Float[np.ndarray, " t"] = IOU_THRESHOLDS,
) -> dict[str, np.ndarray]:
    """Match detections to annotations of their class and image.

    Args:
        ground_truth: Content of a COCO file, of which `images` and `categories` are used.
        annotations: Copies that the evaluator may write into, without ids, which are given here.
        detections: Likewise.
        counts: Numbers of best detections per class and image, in rising order.
        sigmas: Tolerance of each keypoint: keypoints are compared by OKS. None: boxes are, by IoU.
        ious: Thresholds that the IoU or OKS of a match reaches.

    Returns:
        Tables `precision` and `scores` with axes IoU, recall, class, size, count; `recall` with axes IoU,
        class, size, count. Classes are sorted by id. Sizes of boxes are all, small, medium, large; of
        keypoints all, medium, large.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    common = {
        "images": [
            {"id": number} for number in dict.fromkeys(image["id"] for image in ground_truth["images"])
        ],
        "categories": [{"id": category["id"]} for category in ground_truth["categories"]],
    }
    with _silent():
        evaluation = COCOeval_faster(
            COCO({**common, "annotations": _numbered(annotations)}),
            COCO({**common, "annotations": _numbered(detections)}),
            "bbox" if sigmas is None else "keypoints",
        )
        evaluation.params.maxDets = list(counts)
        evaluation.params.iouThrs = ious
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
    return {name: np.asarray(evaluation.eval[name]) for name in ("precision", "recall", "scores")}


def check_images(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Check that every result belongs to an image of the ground truth.

    Raises:
        ValueError: One belongs to another image.
    """
    image_ids = {image["id"] for image in ground_truth["images"]}
    for position, result in enumerate(results):
        if result["image_id"] not in image_ids:
            raise ValueError(
                f"results[{position}] is of image {result['image_id']}, which the ground truth lacks"
            )


def area_of(annotation: Mapping[str, Any]) -> float:
    """Area of an annotation: its `area`, else width times height, 0.53 of it where it has keypoints."""
    if "area" in annotation:
        return float(annotation["area"])
    _, _, width, height = annotation["bbox"]
    return float(height * width * AREA_FRACTION if annotation.get("keypoints") else width * height)


def mean_of_known(values: np.ndarray) -> float:
    """Mean of the values other than -1, which the evaluator writes where there is nothing to measure."""
    known = values[values > -1]
    return float(known.mean()) if known.size else math.nan


def _numbered(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries with ids from 1: the evaluator takes 0 for "no object"."""
    return [{**entry, "id": number} for number, entry in enumerate(entries, start=1)]


@contextmanager
def _silent() -> Iterator[None]:
    """Drops what this thread makes faster_coco_eval log; its loggers stay as the caller set them."""
    thread = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [logging.getLogger(f"faster_coco_eval.core.{name}") for name in ("coco", "cocoeval")]
    for logger in loggers:
        logger.addFilter(is_of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_others)
