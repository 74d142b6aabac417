"""Pascal VOC's average precision: at 11 recalls (VOC 2007) and at all recalls (since VOC 2010).

Source: Everingham et al. 2010, sec. 4.2, and the development kit's `VOCevaldet.m`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import iou_matrix
from centernet.structures import Annotations, Categories


@dataclass(frozen=True, kw_only=True, eq=False)
class VocClass:
    """VOC's numbers of one class. AP is NaN for a class without ground truth.

    Attributes:
        name: The category.
        objects: Ground-truth objects, ignored ones (difficult, crowd) not counted.
        detections: Detections of the class, those of ignored objects included.
        ap_11point: Mean of the best precision at recalls 0, 0.1, ... 1.
        ap_area: Area under the envelope of the precision-recall curve.
        recall: After each detection that counts, best score first.
        precision: After each detection that counts, best score first.
    """

    name: str
    objects: int
    detections: int
    ap_11point: float
    ap_area: float
    recall: Float[np.ndarray, " n"] = field(repr=False)
    precision: Float[np.ndarray, " n"] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class VocMetrics:
    """VOC's numbers: means over the classes with ground truth, NaN if none has any.

    Attributes:
        ap_11point: Mean of the best precision at recalls 0, 0.1, ... 1.
        ap_area: Area under the envelope of the precision-recall curve.
        classes: Numbers of each class, in the order of the categories.
    """

    ap_11point: float
    ap_area: float
    classes: tuple[VocClass, ...]

    def to_dict(self) -> dict[str, float]:
        """The means by name."""
        return {"VOC_AP_area": self.ap_area, "VOC_AP_11point": self.ap_11point}


def evaluate_voc(
    pairs: Iterable[tuple[Annotations, Detections]], categories: Categories, iou_threshold: float = 0.5
) -> VocMetrics:
    """Evaluate detections against ground truth.

    A detection belongs to the object of its class with the largest IoU. The detection of an object with the
    highest score is right, the others are wrong; those of an ignored object (`is_crowd`, which marks VOC's
    difficult objects) count neither way. Corners are pixels inside the box, as in VOC: the width is
    `x2 - x1 + 1`.

    Args:
        pairs: Ground truth and detections of each image, with labels of `categories`.
        categories: The classes.
        iou_threshold: Minimum IoU of a detection and its object.
    """
    true_labels, is_ignored, found = _flatten(pairs)
    order = np.argsort(-found.scores, kind="stable")
    best, labels = found.best_object[order], found.labels[order]
    hits = found.best_iou[order] >= iou_threshold
    counts = np.ones(len(order), dtype=bool)
    counts[hits] = ~is_ignored[best[hits]]
    is_right = _first_of_each_object(best, hits & counts)
    classes = tuple(
        _class_metrics(
            name,
            objects=int(np.sum((true_labels == label) & ~is_ignored)),
            detections=int(np.sum(labels == label)),
            is_right=is_right[(labels == label) & counts],
        )
        for label, name in enumerate(categories.names)
    )
    return VocMetrics(
        ap_11point=_mean([one.ap_11point for one in classes]),
        ap_area=_mean([one.ap_area for one in classes]),
        classes=classes,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """The detections of all images in one list, each with the object it overlaps most."""

    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    best_object: Int[np.ndarray, " n"]
    best_iou: Float[np.ndarray, " n"]


def _flatten(
    pairs: Iterable[tuple[Annotations, Detections]],
) -> tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " m"], _Found]:
    """Labels of all ground-truth objects, which of them are ignored, and all detections."""
    labels, ignored = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=bool)]
    scores, predicted_labels, best_objects, best_ious = ([np.zeros(0)] for _ in range(4))
    start = 0
    for ground_truth, detections in pairs:
        best, iou = _best_overlaps(ground_truth, detections)
        labels.append(ground_truth.labels)
        ignored.append(ground_truth.is_crowd)
        scores.append(detections.scores)
        predicted_labels.append(detections.labels)
        best_objects.append(best + start)
        best_ious.append(iou)
        start += len(ground_truth)
    found = _Found(
        scores=np.concatenate(scores),
        labels=np.concatenate(predicted_labels).astype(np.int64),
        best_object=np.concatenate(best_objects).astype(np.int64),
        best_iou=np.concatenate(best_ious),
    )
    return np.concatenate(labels), np.concatenate(ignored), found


def _best_overlaps(
    ground_truth: Annotations, detections: Detections
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Index of the object of its class that each detection overlaps most, and their IoU; -1 if none is."""
    if not len(ground_truth):
        return np.zeros(len(detections), dtype=np.int64), np.full(len(detections), -1.0)
    last_pixel = np.array([0, 0, 1, 1])
    iou = iou_matrix(
        detections.boxes.astype(np.float64) + last_pixel, ground_truth.boxes.astype(np.float64) + last_pixel
    )
    iou[detections.labels[:, None] != ground_truth.labels[None]] = -1
    best = iou.argmax(axis=1)
    return best, iou[np.arange(len(best)), best]


def _first_of_each_object(
    objects: Int[np.ndarray, " n"], candidates: Bool[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """True for the first candidate of each object."""
    indices = np.flatnonzero(candidates)
    _, first = np.unique(objects[indices], return_index=True)
    is_first = np.zeros(len(objects), dtype=bool)
    is_first[indices[first]] = True
    return is_first


def _class_metrics(name: str, objects: int, detections: int, is_right: Bool[np.ndarray, " n"]) -> VocClass:
    right = np.cumsum(is_right)
    precision = right / np.arange(1, len(right) + 1)
    recall = right / max(objects, 1)
    return VocClass(
        name=name,
        objects=objects,
        detections=detections,
        ap_11point=_ap_11point(recall, precision) if objects else math.nan,
        ap_area=_ap_area(recall, precision) if objects else math.nan,
        recall=recall,
        precision=precision,
    )


def _ap_11point(recall: Float[np.ndarray, " n"], precision: Float[np.ndarray, " n"]) -> float:
    """AP of VOC 2007: recalls that are never reached count with precision 0."""
    reached = recall[None] >= np.linspace(0, 1, 11)[:, None]
    return float(np.where(reached, precision[None], 0).max(axis=1, initial=0).mean())


def _ap_area(recall: Float[np.ndarray, " n"], precision: Float[np.ndarray, " n"]) -> float:
    """AP since VOC 2010: each step of recall times the best precision at this recall or a higher one."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * envelope).sum())


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
