"""Pascal VOC's average precision: at 11 recalls (VOC 2007) and at all recalls (since VOC 2010).

Source: Everingham et al. 2010, sec. 4.2, and the development kit's `VOCevaldet.m`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.metrics.pooled import Overlaps, Pooled, by_class, overlaps
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
    pairs: Iterable[tuple[Annotations, Detections]] | Pooled,
    categories: Categories,
    iou_threshold: float = 0.5,
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
    pooled = Pooled.of(pairs)
    found, objects = pooled.found, pooled.objects
    # The width is x2 - x1 + 1.
    best = _best_objects(
        overlaps(found, objects, iou_threshold, same_class=True, border=1.0), len(found.scores)
    )
    order = np.argsort(-found.scores, kind="stable")
    best, labels = best[order], found.labels[order]
    hits = best >= 0
    counts = np.ones(len(order), dtype=bool)
    counts[hits] = ~objects.is_crowd[best[hits]]
    is_right = _first_of_each_object(best, hits & counts)
    num_objects = np.bincount(objects.labels[~objects.is_crowd], minlength=len(categories)).tolist()
    places = by_class(labels, len(categories))
    classes = tuple(
        _class_metrics(
            name,
            objects=num_objects[label],
            detections=len(places[label]),
            is_right=is_right[places[label]][counts[places[label]]],
        )
        for label, name in enumerate(categories.names)
    )
    return VocMetrics(
        ap_11point=_mean([one.ap_11point for one in classes]),
        ap_area=_mean([one.ap_area for one in classes]),
        classes=classes,
    )


def _best_objects(pairs: Overlaps, count: int) -> Int[np.ndarray, " n"]:
    """The object that each detection overlaps most; -1 if it overlaps none enough."""
    best = np.full(count, -1, dtype=np.int64)
    # The last one that is written stays: of equal overlaps that with the first object.
    order = np.lexsort((-pairs.objects, pairs.iou))
    best[pairs.found[order]] = pairs.objects[order]
    return best


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
