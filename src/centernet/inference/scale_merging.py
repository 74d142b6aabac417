"""Detections of one image from several scales, merged by NMS.

The test-time modes of Objects as Points (Zhou et al. 2019, sec. 5 and its released code). Corner pairs and
their centres are merged over the scales before: see `tasks.triplet.multi_scale`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from centernet.detections import Detections
from centernet.inference.options import InferenceOptions
from centernet.ops.nms import Kept, Suppression, soft_nms, soft_nms_with_leftovers


def merge_detections(per_scale: Sequence[Detections], options: InferenceOptions, top_k: int) -> Detections:
    """Detections of one image, merged over its scales.

    Args:
        per_scale: Detections at each scale, image pixels.
        options: Which NMS is used; without one, there is a single scale and its detections are returned.
        top_k: Maximum number of detections; `exact` gives more if the last ones tie.
    """
    if not options.uses_nms:
        (only,) = per_scale
        return only
    return suppress(Detections.joined(per_scale), options, top_k)


def suppress(
    found: Detections,
    options: InferenceOptions,
    top_k: int,
    corner_scores: Float[np.ndarray, "n 2"] | None = None,
) -> Detections:
    """Detections after NMS: scores lowered by more confident boxes, and the lowest dropped.

    Args:
        found: Detections of one image.
        options: Which NMS is used.
        top_k: Maximum number of detections; `exact` gives more if the last ones tie.
        corner_scores: Scores of the two corners of each box, by which merged boxes are weighted; None for the
            score of the box.
    """
    how = _suppression(options)
    labels = np.zeros_like(found.labels) if options.class_agnostic else found.labels
    if options.exact:
        kept = _suppress_exactly(found, labels, top_k, how, corner_scores)
    else:
        kept = soft_nms(found.boxes, found.scores, labels, top_k=top_k, how=how, corner_scores=corner_scores)
    return replace(found[kept.rows], scores=kept.scores, boxes=kept.boxes)


def _suppression(options: InferenceOptions) -> Suppression:
    method = "gaussian" if options.nms == "none" else options.nms
    iou = Suppression.iou if options.iou is None else options.iou
    return Suppression(method=method, iou=iou, merge=options.merge_boxes)


def _suppress_exactly(
    found: Detections,
    labels: Int[np.ndarray, " n"],
    top_k: int,
    how: Suppression,
    corner_scores: Float[np.ndarray, "n 2"] | None,
) -> Kept:
    """Soft-NMS of each class as in the original, most confident first; ties with the `top_k`-th are kept."""
    parts = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        corners = None if corner_scores is None else corner_scores[rows]
        left = soft_nms_with_leftovers(found.boxes[rows], found.scores[rows], how=how, corner_scores=corners)
        parts.append(replace(left, rows=rows[left.rows]))
    kept = _concatenated(parts, found)
    if len(kept.scores) > top_k:
        kept = kept[kept.scores >= np.sort(kept.scores)[-top_k]]
    return kept[np.argsort(-kept.scores, kind="stable")]


def _concatenated(parts: Sequence[Kept], found: Detections) -> Kept:
    return Kept(
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.rows for part in parts)]),
        np.concatenate([found.scores[:0], *(part.scores for part in parts)]),
        np.concatenate([found.boxes[:0], *(part.boxes for part in parts)]),
    )
