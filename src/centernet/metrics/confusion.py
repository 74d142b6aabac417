"""Which class is taken for which: the confusion matrix of a detector, with background as one more class."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import box_areas, iou_matrix
from centernet.structures import Annotations, Categories


@dataclass(frozen=True, kw_only=True, eq=False)
class ConfusionMatrix:
    """How often objects of each true class were taken for each class.

    Attributes:
        counts: Row: true class, column: found class. The last row holds detections of what is nothing, the
            last column holds objects that were missed.
        names: The classes, without background.
        min_score: Detections below this score are not looked at.
        min_iou: Overlap that makes a detection belong to an object, at least.
    """

    counts: Int[np.ndarray, "classes classes"]
    names: tuple[str, ...]
    min_score: float
    min_iou: float

    @property
    def precision(self) -> Float[np.ndarray, " c"]:
        """Part of each class's detections that is right; NaN where nothing was found."""
        return _share(self.counts, self.counts.sum(axis=0))

    @property
    def recall(self) -> Float[np.ndarray, " c"]:
        """Part of each class's objects that was found; NaN where there are none."""
        return _share(self.counts, self.counts.sum(axis=1))


def _share(counts: Int[np.ndarray, "k k"], totals: Int[np.ndarray, " k"]) -> Float[np.ndarray, " c"]:
    return np.where(totals > 0, np.diag(counts) / np.maximum(totals, 1), np.nan)[:-1]


def confusion_matrix(
    pairs: Iterable[tuple[Annotations, Detections]],
    categories: Categories,
    min_score: float = 0.25,
    min_iou: float = 0.45,
) -> ConfusionMatrix:
    """Match detections to objects whatever their classes, and count the pairs of classes.

    In each image detections take objects in the order of their scores: each the free object it overlaps most.
    A detection without an object that lies in a crowd region of its class is not counted, nor is the region.

    Args:
        pairs: Truth and detections of each image, labels after `categories`.
        categories: The classes.
        min_score: Detections below this score are not looked at.
        min_iou: Overlap that makes a detection belong to an object, at least.
    """
    background = len(categories)
    counts = np.zeros((background + 1, background + 1), dtype=np.int64)
    for annotations, everything in pairs:
        ground_truth, crowds = annotations[~annotations.is_crowd], annotations[annotations.is_crowd]
        detections = everything.above(min_score)
        taken = match(iou_matrix(detections.boxes, ground_truth.boxes), detections.scores, min_iou)
        is_matched = taken >= 0
        is_missed = ~np.isin(np.arange(len(ground_truth)), taken)
        is_wrong = ~is_matched & ~_in_crowd(detections, crowds, min_iou)
        pairs_of_classes = zip(
            ground_truth.labels[taken[is_matched]], detections.labels[is_matched], strict=True
        )
        for true_label, found_label in pairs_of_classes:
            counts[true_label, found_label] += 1
        counts[:-1, background] += np.bincount(ground_truth.labels[is_missed], minlength=background)
        counts[background, :-1] += np.bincount(detections.labels[is_wrong], minlength=background)
    return ConfusionMatrix(counts=counts, names=categories.names, min_score=min_score, min_iou=min_iou)


def match(
    iou: Float[np.ndarray, "n m"], scores: Float[np.ndarray, " n"], min_iou: float
) -> Int[np.ndarray, " n"]:
    """The object each detection takes, or -1.

    Detections take objects in the order of their scores: each the free object it overlaps most.

    Args:
        iou: Overlap of each detection with each object.
        scores: Of the detections.
        min_iou: Overlap that makes a detection belong to an object, at least.
    """
    taken = np.full(len(iou), -1, dtype=np.int64)
    if not iou.size:
        return taken
    free = iou.copy()
    # Only detections that touch something can take it, which leaves few turns even on full images.
    order = np.argsort(-scores, kind="stable")
    for row in order[(iou.max(axis=1) >= min_iou)[order]]:
        best = int(free[row].argmax())
        if free[row, best] >= min_iou:
            taken[row] = best
            free[:, best] = -1
    return taken


def _in_crowd(detections: Detections, crowds: Annotations, min_share: float) -> Bool[np.ndarray, " n"]:
    """Whether enough of each detection lies in one crowd region of its class."""
    first, second = detections.boxes, crowds.boxes
    sides = np.clip(
        np.minimum(first[:, None, 2:], second[None, :, 2:])
        - np.maximum(first[:, None, :2], second[None, :, :2]),
        0,
        None,
    )
    share = sides[..., 0] * sides[..., 1] / np.maximum(box_areas(first), 1e-9)[:, None]
    return ((share >= min_share) & (detections.labels[:, None] == crowds.labels[None])).any(axis=1)
