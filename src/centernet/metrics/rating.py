"""Which detections are right at IoU 0.5, and the score from which F1 is best.

F1 is the harmonic mean of precision and recall: van Rijsbergen 1979, "Information Retrieval", ch. 7.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import iou_matrix
from centernet.metrics.confusion import in_crowd, match
from centernet.structures import Annotations
from centernet.structures.thresholds import Thresholds

MIN_IOU = 0.5
"""Minimum IoU of a right detection with its object."""

MIN_SCORE = 0.01
"""Lowest score of the detections that are rated."""

MIN_OBJECTS = 20
"""Objects of a class from which it has a threshold of its own: few tell little."""


@dataclass(frozen=True, kw_only=True)
class BestF1:
    """The best F1, and the score from which detections reach it; both NaN without a right detection.

    Attributes:
        f1: 0 to 1.
        threshold: Halfway from the lowest score that is kept to the next lower one.
    """

    f1: float = math.nan
    threshold: float = math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratings:
    """Detections of a data set with their scores, and whether they are right.

    Attributes:
        scores: Scores from 0.01 on.
        is_right: True for detections that match an object of their class at IoU 0.5.
        labels: Class of each.
        num_objects: Number of objects of each class, crowd regions not counted.
    """

    scores: Float[np.ndarray, " n"]
    is_right: Bool[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    num_objects: Int[np.ndarray, " c"]

    @property
    def best(self) -> BestF1:
        """The best F1 of all classes together."""
        return best_f1(self.scores, self.is_right, int(self.num_objects.sum()))

    @property
    def best_of_classes(self) -> tuple[BestF1, ...]:
        """The best F1 of each class."""
        masks = [self.labels == label for label in range(len(self.num_objects))]
        return tuple(
            best_f1(self.scores[mask], self.is_right[mask], int(count))
            for mask, count in zip(masks, self.num_objects, strict=True)
        )

    @property
    def thresholds(self) -> Thresholds:
        """The scores of best F1, those of classes with at least 20 objects."""
        own = [
            None if count < MIN_OBJECTS or math.isnan(one.threshold) else one.threshold
            for one, count in zip(self.best_of_classes, self.num_objects, strict=True)
        ]
        overall = self.best.threshold
        return Thresholds() if math.isnan(overall) else Thresholds(overall, tuple(own))


def best_f1(scores: Float[np.ndarray, " n"], is_right: Bool[np.ndarray, " n"], num_objects: int) -> BestF1:
    """The best F1 of detections; of equal ones that with the highest threshold.

    Args:
        scores: Scores of the detections.
        is_right: True for those that match an object.
        num_objects: Number of objects, found or not.
    """
    if not is_right.any():
        return BestF1()
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Detections with equal scores are kept together.
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    f1 = 2 * np.cumsum(is_right[order])[ends] / (ends + 1 + num_objects)
    place = int(f1.argmax())
    lowest = float(ranked[ends[place]])
    below = float(ranked[ends[place] + 1]) if place + 1 < len(ends) else 0.0
    middle = (lowest + below) / 2
    rounded = round(middle, 3)
    return BestF1(f1=float(f1[place]), threshold=rounded if below < rounded <= lowest else middle)


def rate(pairs: Iterable[tuple[Annotations, Detections]], num_classes: int) -> Ratings:
    """Which detections are right.

    As for AP50: in each image and class, by descending score, each matches the free object that it overlaps
    most, at IoU 0.5 or more. Unmatched detections in a crowd region of their class are left out.

    Args:
        pairs: Ground truth and detections of each image, with labels of the same categories.
        num_classes: Number of these.
    """
    scores, is_right, labels = [np.zeros(0)], [np.zeros(0, dtype=bool)], [np.zeros(0, dtype=np.int64)]
    num_objects = np.zeros(num_classes, dtype=np.int64)
    for annotations, all_detections in pairs:
        objects, crowds = annotations[~annotations.is_crowd], annotations[annotations.is_crowd]
        detections = all_detections.above(MIN_SCORE)
        same_class = detections.labels[:, None] == objects.labels[None]
        overlaps = np.where(same_class, iou_matrix(detections.boxes, objects.boxes), 0.0)
        matched = match(overlaps, detections.scores, MIN_IOU) >= 0
        counted = matched | ~in_crowd(detections, crowds, MIN_IOU)
        scores.append(detections.scores[counted].astype(np.float64))
        is_right.append(matched[counted])
        labels.append(detections.labels[counted])
        num_objects += np.bincount(objects.labels, minlength=num_classes)
    return Ratings(
        scores=np.concatenate(scores),
        is_right=np.concatenate(is_right),
        labels=np.concatenate(labels),
        num_objects=num_objects,
    )
