"""Looking more than once at an image: in several sizes, mirrored; and making one answer of it.

The test-time modes of Objects as Points (Zhou et al. 2019, sec. 5 and its released code). What is found by
pairs of corners and a centre is decided on together first: see `ops.evidence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.ops.nms import soft_nms, soft_nms_with_leftovers


@dataclass(frozen=True, kw_only=True)
class Inference:
    """How a trained network is asked for detections.

    Attributes:
        scales: Sizes in which each image is shown, as shares of its own; what is found in several is merged
            by soft-NMS.
        flip: Average the maps of the image and of its mirror image.
        soft_nms: Lower the scores of boxes that overlap better ones, with one scale too; always done with
            boxes made of two corners.
        across_classes: Soft-NMS compares boxes of different classes as well.
        exact: Soft-NMS as the original does it: with rows it meant to drop, and with ties beyond the number
            asked for. With the rule of keypoint triplets, also without the row and column that it loses.
        half: Compute in bfloat16.

    Raises:
        UsageError: A scale that is not above 0, no scale, or `exact` without soft-NMS.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    soft_nms: bool = False
    across_classes: bool = False
    exact: bool = False
    half: bool = False

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale <= _LARGEST_SCALE for scale in self.scales):
            given = ",".join(f"{scale:g}" for scale in self.scales)
            raise UsageError(
                f"scales are numbers above 0, at most {_LARGEST_SCALE}, with 1 for the image as it is; "
                f"got {given or 'none'}: try scales=0.5,1,1.5"
            )
        if self.exact and not self._is_merging:
            raise UsageError("exact says how soft-NMS is done: add soft_nms=true, or several scales")

    def merge(self, looks: Sequence[Detections], top_k: int) -> Detections:
        """One answer from those of all scales for one image.

        Args:
            looks: What each scale shows, image pixels.
            top_k: Most detections; `exact` gives more where the last ones tie.
        """
        if not self._is_merging:
            (only,) = looks
            return only
        all_of_them = _joined(looks)
        labels = np.zeros_like(all_of_them.labels) if self.across_classes else all_of_them.labels
        if self.exact:
            rows, scores = _as_the_original(all_of_them.boxes, all_of_them.scores, labels, top_k)
        else:
            rows, scores = soft_nms(all_of_them.boxes, all_of_them.scores, labels, top_k=top_k)
        return replace(all_of_them[rows], scores=scores)

    @property
    def _is_merging(self) -> bool:
        return self.soft_nms or len(self.scales) > 1


_LARGEST_SCALE = 10


def _joined(looks: Sequence[Detections]) -> Detections:
    """The objects of all looks at one image."""
    return replace(
        looks[0],
        boxes=np.concatenate([look.boxes for look in looks]),
        scores=np.concatenate([look.scores for look in looks]),
        labels=np.concatenate([look.labels for look in looks]),
        keypoints=np.concatenate([look.keypoints for look in looks]),
        boxes3d=np.concatenate([look.boxes3d for look in looks]),
        alpha_rad=np.concatenate([look.alpha_rad for look in looks]),
    )


def _as_the_original(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, top_k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and lowered scores, best first: everything as good as the `top_k`-th is kept."""
    rows, lowered = np.zeros(0, dtype=np.int64), scores[:0]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        places, values = soft_nms_with_leftovers(boxes[own], scores[own])
        rows, lowered = np.concatenate([rows, own[places]]), np.concatenate([lowered, values])
    if len(lowered) > top_k:
        kept = lowered >= np.sort(lowered)[-top_k]
        rows, lowered = rows[kept], lowered[kept]
    order = np.argsort(-lowered, kind="stable")
    return rows[order], lowered[order]
