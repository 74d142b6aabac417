"""COCO's tables of precision and recall, of boxes and of keypoints, by faster-coco-eval.

Source: Lin et al. 2014, https://cocodataset.org/#detection-eval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.structures.skeletons import SHARE_OF_BOX

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Of OKS too."""
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision over recall of one class at IoU (or OKS) 0.5, at 101 recalls from 0 to 1.

    Attributes:
        recall: Part of the true objects found.
        precision: Best precision at this recall or a higher one; 0 where no score reaches it.
        score: The score that a detection must have to reach this recall; 0 where none does.
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
        ground_truth: Its `images` and `categories`.
        annotations: Fresh entries: the evaluator writes into what it gets. Without ids, which are given here.
        detections: Likewise.
        counts: Best detections of a class in an image that are counted, in rising order.
        sigmas: Tolerance of each keypoint, where keypoints are compared by OKS; else boxes are by IoU.
        ious: Least overlaps.

    Returns:
        `precision` and `scores` by IoU, recall, class, size, count; `recall` by IoU, class, size, count.
        Classes by id. Sizes of boxes are all, small, medium, large; of keypoints all, medium, large.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    common = {
        "images": [
            {"id": number} for number in dict.fromkeys(image["id"] for image in ground_truth["images"])
        ],
        "categories": [{"id": category["id"]} for category in ground_truth["categories"]],
    }
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
    """Every result is of an image of the truth.

    Raises:
        ValueError: One is not.
    """
    image_ids = {image["id"] for image in ground_truth["images"]}
    for position, result in enumerate(results):
        if result["image_id"] not in image_ids:
            raise ValueError(f"results[{position}] is of image {result['image_id']}, which the truth lacks")


def area_of(annotation: Mapping[str, Any]) -> float:
    """What an annotation states; else width times height, 0.53 of it where it has keypoints."""
    if "area" in annotation:
        return float(annotation["area"])
    _, _, width, height = annotation["bbox"]
    return float(height * width * SHARE_OF_BOX if annotation.get("keypoints") else width * height)


def mean_of_known(values: np.ndarray) -> float:
    """Mean of what there is; the evaluator marks what there is not with -1."""
    known = values[values > -1]
    return float(known.mean()) if known.size else math.nan


def _numbered(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """From 1, because the evaluator takes 0 for "no object"."""
    return [{**entry, "id": number} for number, entry in enumerate(entries, start=1)]
