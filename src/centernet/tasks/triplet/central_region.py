"""Confirmation of pairs of corners by centres, without torch: `corner_matching.confirmed` for one image.

Duan et al. 2019, "CenterNet: Keypoint Triplets for Object Detection", sec. 3.2.
"""

import numpy as np
from jaxtyping import Float, Int

SMALL_SIDE = 150
"""Boxes of more than this squared, in pixels, have a smaller central region."""


def confirmed(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    centers: Float[np.ndarray, "k 2"],
    center_scores: Float[np.ndarray, " k"],
    center_labels: Int[np.ndarray, " k"],
) -> Float[np.ndarray, " n"]:
    """Scores of boxes whose central region contains a centre of their class; 0 for others.

    Args:
        boxes: Pairs of corners, pixels.
        scores: Of the pairs.
        labels: Of the pairs.
        centers: Points, pixels.
        center_scores: Of the centres.
        center_labels: Of the centres.
    """
    region = central_region(boxes)[:, None]
    confirms = (
        ((centers > region[..., :2]) & (centers < region[..., 2:])).all(axis=-1)
        & (center_labels == labels[:, None])
        & (center_scores > 0)
    )
    if not confirms.size:
        return np.zeros_like(scores)
    # The first, not the best: see `corner_matching.confirmed`.
    first = confirms.argmax(axis=1)
    return (2 * scores + center_scores[first]) / 3 * confirms.any(axis=1) * (scores > 0)


def central_region(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """The central region of each box, in which its centre must lie."""
    corner, far_corner = boxes[:, :2], boxes[:, 2:]
    width, height = (far_corner - corner).T
    parts = np.where(width * height <= SMALL_SIDE**2, 3, 5).astype(boxes.dtype)[:, None]
    before = (parts + 1) / 2
    start = (before * corner + (parts - before) * far_corner) / parts
    end = ((parts - before) * corner + before * far_corner) / parts
    return np.concatenate([start, end], axis=1)
