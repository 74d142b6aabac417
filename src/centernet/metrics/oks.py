"""COCO's average precision and recall of keypoints (OKS), for any number of them; equal to pycocotools.

Two sets of keypoints are compared by their object keypoint similarity: the mean over the labelled keypoints
of exp(-d² / (2 s² (2 σ)²)), with d the distance, s² the area of the ground-truth object and σ the tolerance
of the keypoint. Source: https://cocodataset.org/#keypoints-eval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from centernet.metrics.coco_tables import (
    RECALLS,
    Curve,
    area_of,
    check_images,
    keypoint_tables,
    mean_of_known,
)

DEFAULT_SIGMA = 0.067
"""Sigma of keypoints without a measured one: the mean of COCO's 17."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OksClass:
    """COCO's numbers of the keypoints of one class, NaN for a class without ground truth.

    Attributes:
        name: The category.
        category_id: Its id in the data set.
        objects: Ground-truth objects with labelled keypoints, crowd regions not counted.
        detections: Detections of the class.
        ap: Mean over OKS thresholds .50, .55, ... .95.
        ap50: At OKS 0.5.
        ap75: At OKS 0.75.
        ap_medium: Objects of 32² to 96² square pixels.
        ap_large: Larger ones.
        ar: Recall, mean over the same thresholds.
        ar50: At OKS 0.5.
        ar75: At OKS 0.75.
        ar_medium: Objects of 32² to 96² square pixels.
        ar_large: Larger ones.
        curve: At OKS 0.5; None for a class without ground truth.
    """

    name: str
    category_id: int
    objects: int
    detections: int
    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar50: float
    ar75: float
    ar_medium: float
    ar_large: float
    curve: Curve | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class OksMetrics:
    """COCO's numbers of keypoints: means over the classes with ground truth, NaN if none has any.

    Attributes:
        classes: Numbers of each class with keypoints, in the order of the categories.
    """

    classes: tuple[OksClass, ...]

    def to_dict(self) -> dict[str, float]:
        """COCO's ten numbers, in COCO's order: OKS_AP, OKS_AP50, ... OKS_AR_large."""
        attributes = {
            "OKS_AP": "ap",
            "OKS_AP50": "ap50",
            "OKS_AP75": "ap75",
            "OKS_AP_medium": "ap_medium",
            "OKS_AP_large": "ap_large",
            "OKS_AR": "ar",
            "OKS_AR50": "ar50",
            "OKS_AR75": "ar75",
            "OKS_AR_medium": "ar_medium",
            "OKS_AR_large": "ar_large",
        }
        return {name: self._mean(attribute) for name, attribute in attributes.items()}

    def _mean(self, attribute: str) -> float:
        values = [getattr(one, attribute) for one in self.classes]
        known = [value for value in values if not math.isnan(value)]
        return float(np.mean(known)) if known else math.nan


def evaluate_oks(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    sigmas: Mapping[int, Sequence[float]],
    max_detections: int = 20,
) -> OksMetrics:
    """Evaluate the keypoints of results against ground truth, class by class. Neither is changed.

    Results of categories without sigmas are not counted. Objects without labelled keypoints are ignored, as
    crowd regions are: missing them or detecting them costs nothing.

    Args:
        ground_truth: Content of a COCO file: `images`, `annotations`, `categories`. Annotations of the
            categories with sigmas have `keypoints`, three numbers each; those without have none labelled.
            One without `area` gets 0.53 times width times height, as CrowdPose evaluates.
        results: Entries with `image_id`, `category_id`, `keypoints` and `score`.
        sigmas: Tolerance of each keypoint by category id.
        max_detections: Number of best detections per class and image.

    Raises:
        ValueError: A result belongs to an image that the ground truth lacks; or an entry has another number
            of keypoints than there are sigmas.
    """
    check_images(ground_truth, results)
    return OksMetrics(
        classes=tuple(
            _evaluate_class(ground_truth, results, category, sigmas[category["id"]], max_detections)
            for category in ground_truth["categories"]
            if category["id"] in sigmas
        )
    )


def _evaluate_class(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    category: Mapping[str, Any],
    sigmas: Sequence[float],
    max_detections: int,
) -> OksClass:
    name, category_id = category["name"], category["id"]
    annotations = [
        _annotation(annotation, len(sigmas), f"annotations[{position}]")
        for position, annotation in enumerate(ground_truth["annotations"])
        if annotation["category_id"] == category_id
    ]
    detections = [
        _detection(result, len(sigmas), f"results[{position}]")
        for position, result in enumerate(results)
        if result["category_id"] == category_id
    ]
    tables = keypoint_tables(ground_truth, category_id, annotations, detections, max_detections, sigmas)
    precision, recall = tables.precision[:, :, 0], tables.recall[:, 0, :, 0]
    objects = sum(bool(one["num_keypoints"]) and not one["iscrowd"] for one in annotations)
    # Sizes are all, medium, large; thresholds 0 and 5 are 0.5 and 0.75.
    return OksClass(
        name=name,
        category_id=category_id,
        objects=objects,
        detections=len(detections),
        ap=mean_of_known(precision[..., 0]),
        ap50=mean_of_known(precision[0, ..., 0]),
        ap75=mean_of_known(precision[5, ..., 0]),
        ap_medium=mean_of_known(precision[..., 1]),
        ap_large=mean_of_known(precision[..., 2]),
        ar=mean_of_known(recall[..., 0]),
        ar50=mean_of_known(recall[0, ..., 0]),
        ar75=mean_of_known(recall[5, ..., 0]),
        ar_medium=mean_of_known(recall[..., 1]),
        ar_large=mean_of_known(recall[..., 2]),
        curve=Curve(recall=RECALLS, precision=precision[0, :, 0], score=tables.scores[:, 0])
        if objects
        else None,
    )


def _annotation(annotation: Mapping[str, Any], count: int, place: str) -> dict[str, Any]:
    """An annotation with the keys that the evaluator needs."""
    keypoints = annotation.get("keypoints") or [0.0] * (3 * count)
    _check_count(keypoints, count, place)
    labelled = sum(visibility > 0 for visibility in keypoints[2::3])
    return {
        "image_id": annotation["image_id"],
        "category_id": annotation["category_id"],
        "bbox": annotation["bbox"],
        "area": area_of(annotation),
        "iscrowd": annotation.get("iscrowd", 0),
        "keypoints": keypoints,
        "num_keypoints": annotation.get("num_keypoints", labelled),
    }


def _detection(result: Mapping[str, Any], count: int, place: str) -> dict[str, Any]:
    keypoints = result["keypoints"]
    _check_count(keypoints, count, place)
    xs, ys = keypoints[0::3], keypoints[1::3]
    # Unmatched detections are assigned a size: that of the box, or else of the keypoints' extent.
    sides = result["bbox"][2:] if "bbox" in result else (max(xs) - min(xs), max(ys) - min(ys))
    return {
        "image_id": result["image_id"],
        "category_id": result["category_id"],
        "keypoints": keypoints,
        "score": result["score"],
        "area": sides[0] * sides[1],
        "iscrowd": 0,
    }


def _check_count(keypoints: Sequence[Any], count: int, place: str) -> None:
    if len(keypoints) != 3 * count:
        raise ValueError(f"{place}: {len(keypoints)} numbers for {count} keypoints: give three for each")
