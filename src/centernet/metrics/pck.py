"""Percentage of correct keypoints (PCK), and the distance of keypoints in pixels.

Source: Yang and Ramanan 2013, "Articulated Human Detection with Flexible Mixtures of Parts", sec. 6: a
keypoint is correct within a fraction of the longer side of the box.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import iou_matrix
from centernet.structures import Annotations, Categories, Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class PckClass:
    """PCK and keypoint distances of one class, NaN where there is nothing to measure.

    Attributes:
        name: The category.
        category_id: Its id in the data set.
        pck: Fraction of the labelled keypoints within the tolerance, from 0 to 1; keypoints of missed objects
            count as wrong.
        error_px: Mean distance of the labelled keypoints of matched objects, image pixels.
        keypoints: Names of the keypoints.
        keypoint_labelled: Number of objects in which each keypoint is labelled.
        keypoint_pck: `pck` of each keypoint.
        keypoint_error_px: `error_px` of each keypoint.
    """

    name: str
    category_id: int
    pck: float
    error_px: float
    keypoints: tuple[str, ...]
    keypoint_labelled: Int[np.ndarray, " k"]
    keypoint_pck: Float[np.ndarray, " k"]
    keypoint_error_px: Float[np.ndarray, " k"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PckMetrics:
    """PCK and keypoint distances of all classes.

    Attributes:
        alpha: Tolerance, as a fraction of the longer side of the ground-truth box.
        min_iou: Minimum IoU of a detection and the object it matches.
        classes: Each class with keypoints, in the order of the categories.
    """

    alpha: float
    min_iou: float
    classes: tuple[PckClass, ...]

    def to_dict(self) -> dict[str, float]:
        """Means over the classes with labelled keypoints, by name; NaN if there is none."""
        return {
            "PCK": _mean([one.pck for one in self.classes]),
            "keypoint_error_px": _mean([one.error_px for one in self.classes]),
        }


def evaluate_pck(
    pairs: Iterable[tuple[Annotations, Detections]],
    categories: Categories,
    alpha: float = 0.2,
    min_iou: float = 0.5,
) -> PckMetrics:
    """Match detections to objects of their class by box IoU, then compare their keypoints.

    In each image detections are matched by descending score, each to the free object of its class with the
    largest IoU. All labelled keypoints count, hidden ones too. Crowd regions do not.

    Args:
        pairs: Ground truth and detections of each image, with labels of `categories`.
        categories: The classes; those without keypoints are not measured.
        alpha: Tolerance, as a fraction of the longer side of the ground-truth box.
        min_iou: Minimum IoU of a detection and the object it matches.
    """
    tallies = {label: _Tally.of(skeleton) for label, skeleton in enumerate(categories.skeletons) if skeleton}
    for annotations, detections in pairs:
        for label, tally in tallies.items():
            ground_truth = annotations[(annotations.labels == label) & ~annotations.is_crowd]
            if len(ground_truth):
                tally.add(ground_truth, detections[detections.labels == label], alpha, min_iou)
    return PckMetrics(
        alpha=alpha,
        min_iou=min_iou,
        classes=tuple(
            tally.summary(categories.names[label], categories.ids[label]) for label, tally in tallies.items()
        ),
    )


@dataclass(frozen=True)
class _Tally:
    """Sums over images for each keypoint of a class."""

    keypoints: tuple[str, ...]
    labelled: np.ndarray
    measured: np.ndarray
    right: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, skeleton: Skeleton) -> "_Tally":
        labelled, measured, right = (np.zeros(len(skeleton), dtype=np.int64) for _ in range(3))
        return cls(skeleton.names, labelled, measured, right, np.zeros(len(skeleton)))

    def add(self, ground_truth: Annotations, detections: Detections, alpha: float, min_iou: float) -> None:
        count = len(self.labelled)
        is_labelled = ground_truth.keypoints[:, :count, 2] > 0
        np.add(self.labelled, is_labelled.sum(axis=0), out=self.labelled)
        matched = _match(iou_matrix(detections.boxes, ground_truth.boxes), detections.scores, min_iou)
        index = matched[matched >= 0]
        expected = ground_truth.keypoints[index, :count].astype(np.float64)
        predicted = detections.keypoints[matched >= 0][:, :count].astype(np.float64)
        distance = np.hypot(predicted[..., 0] - expected[..., 0], predicted[..., 1] - expected[..., 1])
        sides = ground_truth.boxes[index, 2:] - ground_truth.boxes[index, :2]
        is_right = distance <= alpha * sides.max(axis=1, initial=0)[:, None]
        counts = is_labelled[index]
        np.add(self.measured, counts.sum(axis=0), out=self.measured)
        np.add(self.right, (counts & is_right).sum(axis=0), out=self.right)
        np.add(self.distance, (counts * distance).sum(axis=0), out=self.distance)

    def summary(self, name: str, category_id: int) -> PckClass:
        return PckClass(
            name=name,
            category_id=category_id,
            pck=float(_ratio(self.right.sum(), self.labelled.sum())),
            error_px=float(_ratio(self.distance.sum(), self.measured.sum())),
            keypoints=self.keypoints,
            keypoint_labelled=self.labelled,
            keypoint_pck=_ratio(self.right, self.labelled),
            keypoint_error_px=_ratio(self.distance, self.measured),
        )


def _match(
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


def _ratio(part: Any, whole: Any) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
