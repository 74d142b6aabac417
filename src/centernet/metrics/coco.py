"""COCO's average precision and recall, by hotcoco; equal to pycocotools.

Source: Lin et al. 2014, https://cocodataset.org/#detection-eval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from centernet.metrics.coco_tables import RECALLS, BoxEngine, CocoBoxes, Curve, Tables, mean_of_known

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
    data = CocoBoxes.of(ground_truth, results)
    return coco_metrics(data, BoxEngine(data), max_detections)


def coco_metrics(data: CocoBoxes, engine: BoxEngine, max_detections: Sequence[int]) -> CocoMetrics:
    """COCO's numbers of boxes that the engine has read.

    Args:
        data: Objects and detections.
        engine: The engine that has read them.
        max_detections: Numbers of best detections per class and image, as for `evaluate_coco`.
    """
    counts = sorted(max_detections)
    tables = engine.tables(counts)
    precision, recall = tables.precision, tables.recall
    ap, ar = _by_size(precision), _by_size(recall[..., -1])
    return CocoMetrics(
        ap=ap["all"],
        ap50=mean_of_known(precision[0, ..., 0]),
        ap75=mean_of_known(precision[5, ..., 0]),
        ap_small=ap["small"],
        ap_medium=ap["medium"],
        ap_large=ap["large"],
        ar={count: mean_of_known(recall[:, :, 0, index]) for index, count in enumerate(counts)},
        ar_small=ar["small"],
        ar_medium=ar["medium"],
        ar_large=ar["large"],
        classes=_classes(data, tables),
    )


def _by_size(values: np.ndarray) -> dict[str, float]:
    """Mean for each size of objects."""
    return {size: mean_of_known(values[..., index]) for index, size in enumerate(_SIZES)}


def _classes(data: CocoBoxes, tables: Tables) -> tuple[CocoClass, ...]:
    num_classes = len(data.category_ids)
    objects = np.bincount(data.labels[~data.is_crowd], minlength=num_classes).tolist()
    detections = np.bincount(data.found_labels, minlength=num_classes).tolist()
    return tuple(
        _class_metrics(name, category_id, objects[label], detections[label], tables, label)
        for label, (name, category_id) in enumerate(zip(data.names, data.category_ids, strict=True))
    )


def _class_metrics(
    name: str, category_id: int, objects: int, detections: int, tables: Tables, label: int
) -> CocoClass:
    """The numbers of one class from its tables by IoU and recall."""
    precision = tables.precision[:, :, label, 0]
    curve = Curve(recall=RECALLS, precision=precision[0].copy(), score=tables.scores[:, label].copy())
    return CocoClass(
        name=name,
        category_id=category_id,
        objects=objects,
        detections=detections,
        ap=mean_of_known(precision),
        ap50=mean_of_known(precision[0]),
        ap75=mean_of_known(precision[5]),
        ar=mean_of_known(tables.recall[:, label, 0, -1]),
        curve=curve if objects else None,
    )
