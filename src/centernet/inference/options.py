"""Looking more than once at an image: in several sizes, mirrored; and making one answer of it.

The test-time modes of Objects as Points (Zhou et al. 2019, sec. 5 and its released code). What is found by
pairs of corners and a centre is decided on together first: see `ops.evidence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.ops.nms import METHODS, Kept, Suppression, soft_nms, soft_nms_with_leftovers


@dataclass(frozen=True, kw_only=True)
class InferenceOptions:
    """How a trained network is asked for detections.

    Attributes:
        scales: Sizes in which each image is shown, as shares of its own; what is found in several is merged
            by soft-NMS.
        flip: Average the maps of the image and of its mirror image.
        nms: How boxes are lowered that overlap better ones, with one scale too: `gaussian` or `linear`, which
            are soft-NMS, or `hard`. `none` is `gaussian` all the same where there are several scales, or
            boxes made of two corners.
        iou: Overlap from which `linear` and `hard` lower; `None`: 0.5.
        merge_boxes: Above 0, a box becomes the mean of those that it lowers, the more alone the larger this
            is; the original takes 10 with several scales.
        across_classes: Soft-NMS compares boxes of different classes as well.
        exact: Soft-NMS as the original does it: with rows it meant to drop, and with ties beyond the number
            asked for. With the rule of keypoint triplets, also without the row and column that it loses.
        half: Compute in bfloat16.

    Raises:
        UsageError: A scale that is not above 0, no scale, an unknown method, a limit that it does not have,
            or settings of NMS without it.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    nms: str = "none"
    iou: float | None = None
    merge_boxes: float = 0.0
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
        if self.nms not in ("none", *METHODS):
            raise UsageError(f"nms is one of none, {', '.join(METHODS)}; got {self.nms!r}")
        if self.iou is not None and self.nms not in ("linear", "hard"):
            raise UsageError("iou is a limit of nms=hard and nms=linear: add one of them")
        if self.iou is not None and not 0 <= self.iou < 1:
            raise UsageError(f"iou is an overlap from 0 to below 1; got {self.iou}")
        if self.merge_boxes < 0:
            raise UsageError(f"merge_boxes is 0 or more; got {self.merge_boxes}")
        for name in ("exact", "merge_boxes"):
            if getattr(self, name) and not self._is_merging:
                raise UsageError(f"{name} says how NMS is done: add nms=gaussian, or several scales")

    @property
    def _is_merging(self) -> bool:
        return self.nms != "none" or len(self.scales) > 1

    @property
    def how(self) -> Suppression:
        """How boxes give way to others."""
        method = "gaussian" if self.nms == "none" else self.nms
        iou = Suppression.iou if self.iou is None else self.iou
        return Suppression(method=method, iou=iou, merge=self.merge_boxes)

    def merge(self, per_scale: Sequence[Detections], top_k: int) -> Detections:
        """One answer from those of all scales for one image.

        Args:
            per_scale: What each scale shows, image pixels.
            top_k: Most detections; `exact` gives more where the last ones tie.
        """
        if not self._is_merging:
            (only,) = per_scale
            return only
        return self.suppress(Detections.joined(per_scale), top_k)

    def suppress(
        self, found: Detections, top_k: int, corner_scores: Float[np.ndarray, "n 2"] | None = None
    ) -> Detections:
        """Detections without those that better ones have lowered too far.

        Args:
            found: Detections of one image.
            top_k: Most detections; `exact` gives more where the last ones tie.
            corner_scores: How sure the corners of each box are, where boxes are merged; else as the box.
        """
        labels = np.zeros_like(found.labels) if self.across_classes else found.labels
        if self.exact:
            kept = _as_the_original(found, labels, top_k, self.how, corner_scores)
        else:
            kept = soft_nms(
                found.boxes, found.scores, labels, top_k=top_k, how=self.how, corner_scores=corner_scores
            )
        return replace(found[kept.rows], scores=kept.scores, boxes=kept.boxes)


_LARGEST_SCALE = 10


def _as_the_original(
    found: Detections,
    labels: Int[np.ndarray, " n"],
    top_k: int,
    how: Suppression,
    corner_scores: Float[np.ndarray, "n 2"] | None,
) -> Kept:
    """What each class has left, best first: everything as good as the `top_k`-th is kept."""
    parts = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        sure = None if corner_scores is None else corner_scores[own]
        left = soft_nms_with_leftovers(found.boxes[own], found.scores[own], how=how, corner_scores=sure)
        parts.append(replace(left, rows=own[left.rows]))
    kept = _end_to_end(parts, found)
    if len(kept.scores) > top_k:
        kept = kept[kept.scores >= np.sort(kept.scores)[-top_k]]
    return kept[np.argsort(-kept.scores, kind="stable")]


def _end_to_end(parts: Sequence[Kept], found: Detections) -> Kept:
    return Kept(
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.rows for part in parts)]),
        np.concatenate([found.scores[:0], *(part.scores for part in parts)]),
        np.concatenate([found.boxes[:0], *(part.boxes for part in parts)]),
    )
