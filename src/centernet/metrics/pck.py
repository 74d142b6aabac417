"""Where keypoints lie, in pixels and as a share of right ones (PCK).

Source: Yang and Ramanan 2013, "Articulated Human Detection with Flexible Mixtures of Parts", sec. 6: right is
what lies within a share of the longer side of the box.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import iou_matrix
from centernet.metrics.confusion import match
from centernet.structures import Annotations, Categories, Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class PckClass:
    """How near the keypoints of one class are to where they should be. NaN where nothing is to be measured.

    Attributes:
        name: The category.
        category_id: Its id in the data set.
        pck: Part of the labelled keypoints found within the tolerance; those of missed objects were not.
        error_px: Mean distance of those of the objects that were found, image pixels.
        keypoints: Names of its keypoints.
        keypoint_labelled: How often each is labelled in the truth.
        keypoint_pck: As `pck`, of each.
        keypoint_error_px: As `error_px`, of each.
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
    """How near keypoints are to where they should be.

    Attributes:
        alpha: The tolerance: a share of the longer side of the true box.
        min_iou: Overlap that makes a detection belong to an object, at least.
        classes: Each class with keypoints, in the order of the categories.
    """

    alpha: float
    min_iou: float
    classes: tuple[PckClass, ...]

    def to_dict(self) -> dict[str, float]:
        """Means over the classes that have labelled keypoints, by name; NaN if none has."""
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
    """Match detections to objects of their class by their boxes, then measure their keypoints.

    In each image detections take objects in the order of their scores: each the free object of its class that
    it overlaps most. Keypoints that are labelled count, also hidden ones. Crowd regions do not.

    Args:
        pairs: Truth and detections of each image, labels after `categories`.
        categories: The classes; those without keypoints are not measured.
        alpha: The tolerance: a share of the longer side of the true box.
        min_iou: Overlap that makes a detection belong to an object, at least.
    """
    tallies = {label: _Tally.of(skeleton) for label, skeleton in enumerate(categories.skeletons) if skeleton}
    for annotations, detections in pairs:
        for label, tally in tallies.items():
            true = annotations[(annotations.labels == label) & ~annotations.is_crowd]
            if len(true):
                tally.add(true, detections[detections.labels == label], alpha, min_iou)
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

    def add(self, true: Annotations, found: Detections, alpha: float, min_iou: float) -> None:
        count = len(self.labelled)
        is_labelled = true.keypoints[:, :count, 2] > 0
        np.add(self.labelled, is_labelled.sum(axis=0), out=self.labelled)
        taken = match(iou_matrix(found.boxes, true.boxes), found.scores, min_iou)
        place = taken[taken >= 0]
        should = true.keypoints[place, :count].astype(np.float64)
        are = found.keypoints[taken >= 0][:, :count].astype(np.float64)
        distance = np.hypot(are[..., 0] - should[..., 0], are[..., 1] - should[..., 1])
        sides = true.boxes[place, 2:] - true.boxes[place, :2]
        is_right = distance <= alpha * sides.max(axis=1, initial=0)[:, None]
        counts = is_labelled[place]
        np.add(self.measured, counts.sum(axis=0), out=self.measured)
        np.add(self.right, (counts & is_right).sum(axis=0), out=self.right)
        np.add(self.distance, (counts * distance).sum(axis=0), out=self.distance)

    def summary(self, name: str, category_id: int) -> PckClass:
        return PckClass(
            name=name,
            category_id=category_id,
            pck=float(_share(self.right.sum(), self.labelled.sum())),
            error_px=float(_share(self.distance.sum(), self.measured.sum())),
            keypoints=self.keypoints,
            keypoint_labelled=self.labelled,
            keypoint_pck=_share(self.right, self.labelled),
            keypoint_error_px=_share(self.distance, self.measured),
        )


def _share(part: Any, whole: Any) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
