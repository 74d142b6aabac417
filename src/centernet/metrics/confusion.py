"""Confusion matrix of a detector, with background as one more class."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from centernet.detections import Detections
from centernet.metrics.pooled import Pooled, best_matches, in_crowd, overlaps
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
    pairs: Iterable[tuple[Annotations, Detections]] | Pooled,
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
    pooled = Pooled.of(pairs)
    found, objects = pooled.found.above(min_scores), pooled.objects
    candidates = overlaps(found, objects, min_iou, same_class=False)
    matched = best_matches(candidates, found.scores, ~objects.is_crowd)
    is_matched = matched >= 0
    is_missed = ~objects.is_crowd
    is_missed[matched[is_matched]] = False
    is_wrong = ~is_matched & ~in_crowd(found, objects, min_iou)
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    np.add.at(counts, (objects.labels[matched[is_matched]], found.labels[is_matched]), 1)
    counts[:-1, background] += np.bincount(objects.labels[is_missed], minlength=background)
    counts[background, :-1] += np.bincount(found.labels[is_wrong], minlength=background)
    return ConfusionMatrix(counts=counts, names=categories.names, min_scores=min_scores, min_iou=min_iou)
