"""Pairs of corners and centres of all scales of an image, merged: the original's test pipeline.

Duan et al. 2019, "CenterNet: Keypoint Triplets for Object Detection", sec. 4.1, and its released code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from centernet.geometry.affine import scaled_size, transform_boxes, transform_points
from centernet.structures import View
from centernet.tasks.triplet.central_region import confirmed

BEYOND = 5
"""Boxes that reach so many pixels out of the resized image are dropped."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Candidates of an image at one scale, image pixels.

    Attributes:
        boxes: Pairs of corners, clipped to the image.
        scores: Mean of the scores of the corners.
        labels: Class of each.
        corner_scores: Of the two corners of each.
        centers: Points, best first; those of the horizontal flip after those of the image.
        center_scores: Of each centre.
        center_labels: Class of each centre.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    corner_scores: Float[np.ndarray, "n 2"]
    centers: Float[np.ndarray, "k 2"]
    center_scores: Float[np.ndarray, " k"]
    center_labels: Int[np.ndarray, " k"]


def candidates_of(
    pairs: Mapping[str, np.ndarray], centers: Mapping[str, np.ndarray], views: Sequence[View], scale: float
) -> list[Candidates]:
    """The candidates of each image at one scale.

    Args:
        pairs: Outputs of the group `pairs` by role, input pixels: see `OutputSpec`.
        centers: Outputs of the group `centers` by role, input pixels.
        views: How the images were resized.
        scale: Size of the resized images as a fraction of what the rule gives by itself.
    """
    return [
        _candidates_in_image(
            {role: value[i] for role, value in pairs.items()},
            {role: value[i] for role, value in centers.items()},
            view,
            scale,
        )
        for i, view in enumerate(views)
    ]


def _candidates_in_image(
    pairs: dict[str, np.ndarray], centers: dict[str, np.ndarray], view: View, scale: float
) -> Candidates:
    boxes = transform_boxes(view.image_from_input, pairs["location"].astype(np.float64)) * scale
    height, width = scaled_size(view.image_size, scale)
    limit = np.array([width, height] * 2)
    is_inside = (boxes > -BEYOND).all(axis=1) & (boxes < limit + BEYOND).all(axis=1)
    kept = is_inside & (pairs["score"] > 0)
    return Candidates(
        boxes=boxes[kept].clip(0, limit) / scale,
        scores=pairs["score"][kept],
        labels=pairs["label"][kept].astype(np.int64),
        corner_scores=pairs["corner_scores"][kept],
        centers=transform_points(view.image_from_input, centers["location"].astype(np.float64)),
        center_scores=centers["score"],
        center_labels=centers["label"].astype(np.int64),
    )


@dataclass(frozen=True, kw_only=True)
class MergedCandidates:
    """Boxes that a centre confirms, best first; as in `Candidates`, but scores include that of the centre."""

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    corner_scores: Float[np.ndarray, "n 2"]


def merge_candidates(per_scale: Sequence[Candidates], scales: Sequence[float]) -> MergedCandidates:
    """The boxes of all scales of an image that a centre confirms.

    Centres are those of the scale nearest to 1: they are most accurate there.

    Args:
        per_scale: Candidates of each scale.
        scales: The scales, in the same order.
    """
    nearest = per_scale[min(range(len(scales)), key=lambda i: abs(scales[i] - 1))]
    boxes, scores, labels, corner_scores = (
        np.concatenate([getattr(one, name) for one in per_scale])
        for name in ("boxes", "scores", "labels", "corner_scores")
    )
    boxes = boxes.astype(np.float32)
    values = confirmed(
        boxes,
        scores,
        labels,
        nearest.centers.astype(np.float32),
        nearest.center_scores,
        nearest.center_labels,
    )
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > 0]
    return MergedCandidates(
        boxes=boxes[order], scores=values[order], labels=labels[order], corner_scores=corner_scores[order]
    )
