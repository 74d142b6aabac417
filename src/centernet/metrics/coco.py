"""COCO's average precision and recall, by faster-coco-eval; equal to pycocotools.

Source: Lin et al. 2014, https://cocodataset.org/#detection-eval.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from centernet.metrics.coco_tables import (
    IOU_THRESHOLDS,
    RECALLS,
    Curve,
    accumulate,
    area_of,
    check_images,
    mean_of_known,
)

_SIZES = ("all", "small", "medium", "large")


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoClass:
    """COCO's numbers of one class, NaN for a class without ground truth.

    Attributes:
        name: The category.
        category_id: Its id in the data set.
        objects: Ground-truth objects, crowd regions not counted.
        detections: Detections of the class.
        ap: Mean over IoU thresholds .50, .55, ... .95.
        ap50: At IoU 0.5.
        ap75: At IoU 0.75.
        ar: Recall, mean over the same thresholds, with the largest number of detections allowed.
        curve: At IoU 0.5; None for a class without ground truth.
    """

    name: str
    category_id: int
    objects: int
    detections: int
    ap: float
    ap50: float
    ap75: float
    ar: float
    curve: Curve | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoMetrics:
    """COCO's numbers. Classes and sizes without ground truth are NaN and do not enter the means.

    Attributes:
        ap: Mean over classes and over IoU thresholds .50, .55, ... .95.
        ap50: At IoU 0.5.
        ap75: At IoU 0.75.
        ap_small: Objects of less than 32² square pixels, by their `area`.
        ap_medium: From 32² to 96².
        ap_large: More than 96².
        ar: Recall by the largest number of detections allowed in an image, mean over classes and thresholds.
        ar_small: Recall of small objects with the largest number of detections.
        ar_medium: Recall of medium objects.
        ar_large: Recall of large objects.
        classes: Numbers of each class, in the order of the categories.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar: Mapping[int, float]
    ar_small: float
    ar_medium: float
    ar_large: float
    classes: tuple[CocoClass, ...]

    def to_dict(self) -> dict[str, float]:
        """COCO's numbers by COCO's names, in COCO's order: AP, AP50, ... AR_large."""
        return {
            "AP": self.ap,
            "AP50": self.ap50,
            "AP75": self.ap75,
            "AP_small": self.ap_small,
            "AP_medium": self.ap_medium,
            "AP_large": self.ap_large,
            **{f"AR_{count}": recall for count, recall in self.ar.items()},
            "AR_small": self.ar_small,
            "AR_medium": self.ar_medium,
            "AR_large": self.ar_large,
        }


def evaluate_coco(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    max_detections: tuple[int, ...] = (1, 10, 100),
) -> CocoMetrics:
    """Evaluate results against ground truth. Neither is changed, nothing is printed.

    Results of categories that the ground truth lacks are not counted.

    Args:
        ground_truth: Content of a COCO file: `images`, `annotations`, `categories`. An annotation without
            `area` gets width times height, 0.53 of it where it has `keypoints`.
        results: Entries with `image_id`, `category_id`, `bbox` as `[x, y, width, height]` and `score`.
        max_detections: Numbers of best detections per class and image: AR for each of them, everything else
            for the largest.

    Raises:
        ValueError: A result belongs to an image that the ground truth lacks.
    """
    counts = sorted(max_detections)
    tables = box_tables(ground_truth, results, counts)
    precision, recall = tables["precision"], tables["recall"]
    ap, ar = _by_size(precision), _by_size(recall)
    return CocoMetrics(
        ap=ap["all"],
        ap50=mean_of_known(precision[0, :, :, 0, -1]),
        ap75=mean_of_known(precision[5, :, :, 0, -1]),
        ap_small=ap["small"],
        ap_medium=ap["medium"],
        ap_large=ap["large"],
        ar={count: mean_of_known(recall[:, :, 0, index]) for index, count in enumerate(counts)},
        ar_small=ar["small"],
        ar_medium=ar["medium"],
        ar_large=ar["large"],
        classes=_classes(ground_truth, results, tables),
    )


def box_tables(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    counts: Sequence[int],
    ious: Float[np.ndarray, " t"] = IOU_THRESHOLDS,
) -> dict[str, np.ndarray]:
    """Precision, recall and score tables of boxes, as `accumulate` returns them.

    Args:
        ground_truth: As for `evaluate_coco`.
        results: Likewise.
        counts: Numbers of best detections per class and image, in rising order.
        ious: Thresholds that the IoU of a match reaches.

    Raises:
        ValueError: A result belongs to an image that the ground truth lacks.
    """
    check_images(ground_truth, results)
    annotations = [_annotation(annotation) for annotation in ground_truth["annotations"]]
    return accumulate(
        ground_truth, annotations, [_detection(result) for result in results], counts, ious=ious
    )


def _annotation(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """An annotation with the keys that the evaluator needs."""
    return {
        "image_id": annotation["image_id"],
        "category_id": annotation["category_id"],
        "bbox": annotation["bbox"],
        "area": area_of(annotation),
        "iscrowd": annotation.get("iscrowd", 0),
    }


def _detection(result: Mapping[str, Any]) -> dict[str, Any]:
    bbox = result["bbox"]
    return {
        "image_id": result["image_id"],
        "category_id": result["category_id"],
        "bbox": bbox,
        "score": result["score"],
        "area": bbox[2] * bbox[3],
        "iscrowd": 0,
    }


def _by_size(values: np.ndarray) -> dict[str, float]:
    """Mean for each size of objects, with the largest number of detections."""
    return {size: mean_of_known(values[..., index, -1]) for index, size in enumerate(_SIZES)}


def _classes(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], tables: dict[str, np.ndarray]
) -> tuple[CocoClass, ...]:
    objects = Counter(
        annotation["category_id"]
        for annotation in ground_truth["annotations"]
        if not annotation.get("iscrowd", 0)
    )
    detections = Counter(result["category_id"] for result in results)
    # The tables follow the sorted ids.
    columns = {
        category_id: column
        for column, category_id in enumerate(sorted(c["id"] for c in ground_truth["categories"]))
    }
    return tuple(
        _class_metrics(
            category,
            objects[category["id"]],
            detections[category["id"]],
            {name: table[..., columns[category["id"]], 0, -1] for name, table in tables.items()},
        )
        for category in ground_truth["categories"]
    )


def _class_metrics(
    category: Mapping[str, Any], objects: int, detections: int, tables: dict[str, np.ndarray]
) -> CocoClass:
    """The numbers of one class from its tables by IoU and recall."""
    precision, scores = tables["precision"], tables["scores"]
    curve = Curve(recall=RECALLS, precision=precision[0], score=scores[0])
    return CocoClass(
        name=category["name"],
        category_id=category["id"],
        objects=objects,
        detections=detections,
        ap=mean_of_known(precision),
        ap50=mean_of_known(precision[0]),
        ap75=mean_of_known(precision[5]),
        ar=mean_of_known(tables["recall"]),
        curve=curve if objects else None,
    )
