"""Which detections are right at IoU 0.5, and the score from which F1 is best.

F1 is the harmonic mean of precision and recall: van Rijsbergen 1979, "Information Retrieval", ch. 7.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.metrics.pooled import Pooled, best_matches, by_class, in_crowd, overlaps
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

    @cached_property
    def best(self) -> BestF1:
        """The best F1 of all classes together."""
        return best_f1(self.scores, self.is_right, int(self.num_objects.sum()))

    @cached_property
    def best_of_classes(self) -> tuple[BestF1, ...]:
        """The best F1 of each class."""
        places = by_class(self.labels, len(self.num_objects))
        return tuple(
            best_f1(self.scores[place], self.is_right[place], int(count))
            for place, count in zip(places, self.num_objects, strict=True)
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


def rate(pairs: Iterable[tuple[Annotations, Detections]] | Pooled, num_classes: int) -> Ratings:
    """Which detections are right.

    As for AP50: in each image and class, by descending score, each matches the free object that it overlaps
    most, at IoU 0.5 or more. Unmatched detections in a crowd region of their class are left out.

    Args:
        pairs: Ground truth and detections of each image, with labels of the same categories.
        num_classes: Number of these.
    """
    pooled = Pooled.of(pairs)
    found, objects = pooled.found.above(MIN_SCORE), pooled.objects
    candidates = overlaps(found, objects, MIN_IOU, same_class=True)
    matched = best_matches(candidates, found.scores, ~objects.is_crowd) >= 0
    counted = matched | ~in_crowd(found, objects, MIN_IOU)
    return Ratings(
        scores=found.scores[counted].astype(np.float64),
        is_right=matched[counted],
        labels=found.labels[counted],
        num_objects=np.bincount(objects.labels[~objects.is_crowd], minlength=num_classes),
    )
