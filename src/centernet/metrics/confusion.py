"""Confusion matrix of a detector, with background as one more class."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import box_areas, iou_matrix
from centernet.structures import Annotations, Categories
from centernet.structures.thresholds import FIXED


@dataclass(frozen=True, kw_only=True, eq=False)
class ConfusionMatrix:
    """Counts of ground-truth class against predicted class.

    Attributes:
        counts: Row: ground-truth class, column: predicted class. The last row holds detections of the
            background, the last column missed objects.
        names: The classes, without background.
        min_scores: Minimum score of a detection of each class that counts.
        min_iou: Minimum IoU of a detection and the object it matches.
    """

    counts: Int[np.ndarray, "classes classes"]
    names: tuple[str, ...]
    min_scores: Float[np.ndarray, " c"]
    min_iou: float

    @property
    def precision(self) -> Float[np.ndarray, " c"]:
        """Fraction of the detections of each class that are right; NaN for a class without detections."""
        return _fractions(self.counts, self.counts.sum(axis=0))

    @property
    def recall(self) -> Float[np.ndarray, " c"]:
        """Fraction of the objects of each class that were found; NaN for a class without objects."""
        return _fractions(self.counts, self.counts.sum(axis=1))

    @property
    def operating_point(self) -> str:
        """The scores and the IoU in words: `score 0.3 and IoU 0.45`."""
        low, high = (round(float(score), 3) for score in np.quantile([*self.min_scores] or [0], [0, 1]))
        scores = f"score {low:g}" if low == high else f"scores from {low:g} to {high:g} by class"
        return f"{scores} and IoU {self.min_iou:g}"


def _fractions(counts: Int[np.ndarray, "k k"], totals: Int[np.ndarray, " k"]) -> Float[np.ndarray, " c"]:
    return np.where(totals > 0, np.diag(counts) / np.maximum(totals, 1), np.nan)[:-1]


def confusion_matrix(
    pairs: Iterable[tuple[Annotations, Detections]],
    categories: Categories,
    min_scores: float | Float[np.ndarray, " c"] = FIXED,
    min_iou: float = 0.45,
) -> ConfusionMatrix:
    """Match detections to objects of any class, and count the pairs of classes.

    In each image detections are matched by descending score, each to the free object with the largest IoU.
    Crowd regions are not counted, nor are unmatched detections inside a crowd region of their class.

    Args:
        pairs: Ground truth and detections of each image, with labels of `categories`.
        categories: The classes.
        min_scores: Minimum score of a detection that counts, one for all classes or for each.
        min_iou: Minimum IoU of a detection and the object it matches.
    """
    background = len(categories)
    min_scores = np.broadcast_to(np.asarray(min_scores, dtype=np.float64), (background,))
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    for annotations, all_detections in pairs:
        ground_truth, crowds = annotations[~annotations.is_crowd], annotations[annotations.is_crowd]
        detections = all_detections.above(min_scores)
        matched = match(iou_matrix(detections.boxes, ground_truth.boxes), detections.scores, min_iou)
        is_matched = matched >= 0
        is_missed = ~np.isin(np.arange(len(ground_truth)), matched)
        is_wrong = ~is_matched & ~in_crowd(detections, crowds, min_iou)
        pairs_of_classes = zip(
            ground_truth.labels[matched[is_matched]], detections.labels[is_matched], strict=True
        )
        for true_label, predicted_label in pairs_of_classes:
            counts[true_label, predicted_label] += 1
        counts[:-1, background] += np.bincount(ground_truth.labels[is_missed], minlength=background)
        counts[background, :-1] += np.bincount(detections.labels[is_wrong], minlength=background)
    return ConfusionMatrix(counts=counts, names=categories.names, min_scores=min_scores, min_iou=min_iou)


def match(
    iou: Float[np.ndarray, "n m"], scores: Float[np.ndarray, " n"], min_iou: float
) -> Int[np.ndarray, " n"]:
    """Index of the object that each detection matches, or -1.

    Detections are matched by descending score, each to the free object with the largest IoU.

    Args:
        iou: IoU of each detection with each object.
        scores: Scores of the detections.
        min_iou: Minimum IoU of a match.
    """
    matched = np.full(len(iou), -1, dtype=np.int64)
    if not iou.size:
        return matched
    free = iou.copy()
    # Only detections with enough overlap can match, which leaves few steps even on crowded images.
    order = np.argsort(-scores, kind="stable")
    for row in order[(iou.max(axis=1) >= min_iou)[order]]:
        best = int(free[row].argmax())
        if free[row, best] >= min_iou:
            matched[row] = best
            free[:, best] = -1
    return matched


def in_crowd(detections: Detections, crowds: Annotations, min_fraction: float) -> Bool[np.ndarray, " n"]:
    """True for detections with enough of their area inside one crowd region of their class."""
    first, second = detections.boxes, crowds.boxes
    sides = np.clip(
        np.minimum(first[:, None, 2:], second[None, :, 2:])
        - np.maximum(first[:, None, :2], second[None, :, :2]),
        0,
        None,
    )
    fractions = sides[..., 0] * sides[..., 1] / np.maximum(box_areas(first), 1e-9)[:, None]
    return ((fractions >= min_fraction) & (detections.labels[:, None] == crowds.labels[None])).any(axis=1)
