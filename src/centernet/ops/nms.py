"""Soft-NMS: Bodla et al. 2017, "Soft-NMS – Improving Object Detection With One Line of Code", sec. 4.

The score of a box that overlaps a more confident one is lowered; the box is not dropped at once. As in both
originals, sides are one pixel longer than the difference of the corners.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

METHODS = ("gaussian", "linear", "hard")
"""Ways to lower the score of a box that overlaps a more confident one; see `Suppression`."""


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """Settings of NMS: how a box lowers the scores of the less confident boxes that it overlaps.

    Attributes:
        method: Factor by which each more confident box multiplies a score: `gaussian`, `exp(-iou² / sigma)`;
            `linear`, `1 - iou` above the IoU threshold; `hard`, 0 above the threshold.
        iou: IoU threshold of `linear` and `hard`.
        sigma: Larger values lower less: at IoU 0.5 and sigma 0.5 a score keeps 61 %.
        min_score: Boxes whose score is lowered below this are dropped.
        merge: Above 0, a box that is kept becomes the weighted mean of itself and the boxes that it lowers.
            A box lowered by factor `f` has weight `(1 - f) ** merge`, times the score of its corner.
    """

    method: str = "gaussian"
    iou: float = 0.5
    sigma: float = 0.5
    min_score: float = 0.001
    merge: float = 0.0

    def factors(self, iou: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        """Factors by which boxes lower the scores of each other, from their IoU."""
        if self.method == "gaussian":
            iou = np.square(iou)
            iou /= -self.sigma
            return np.exp(iou, out=iou)
        return np.where(iou > self.iou, 1 - iou if self.method == "linear" else 0.0, 1.0)


SOFT = Suppression()
"""Soft-NMS with the settings of both originals."""


@dataclass(frozen=True)
class Kept:
    """Boxes that NMS keeps, most confident first.

    Attributes:
        rows: Index of each among the input boxes.
        scores: Lowered scores.
        boxes: The input boxes, or merged ones.
    """

    rows: Int[np.ndarray, " m"]
    scores: Float[np.ndarray, " m"]
    boxes: Float[np.ndarray, "m 4"]

    def __getitem__(self, chosen: Int[np.ndarray, " k"] | Bool[np.ndarray, " m"] | slice) -> "Kept":
        return Kept(self.rows[chosen], self.scores[chosen], self.boxes[chosen])


def soft_nms(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    *,
    top_k: int,
    how: Suppression = SOFT,
    corner_scores: Float[np.ndarray, "n 2"] | None = None,
) -> Kept:
    """The most confident boxes after soft-NMS, with their lowered scores.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        labels: Classes; boxes lower only boxes of their own class.
        top_k: Maximum number of boxes to keep, over all classes.
        how: Settings of the suppression.
        corner_scores: Scores of the two corners, used where boxes are merged; by default those of the box.
    """
    factors = np.where(labels[:, None] == labels, how.factors(_overlaps(boxes)), 1)
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], axis=1)
    remaining = scores.astype(np.float64)
    rows: list[int] = []
    kept: list[float] = []
    found: list[np.ndarray] = []
    # Scores are only ever lowered, so boxes are taken in order of score and the loop may stop at `top_k`.
    while len(rows) < min(top_k, len(boxes)):
        best = int(remaining.argmax())
        if remaining[best] <= 0:
            break
        rows.append(best)
        kept.append(float(remaining[best]))
        remaining[best] = 0
        found.append(boxes[best])
        if how.merge:
            merged = np.array([best, *np.flatnonzero(remaining > 0)])
            found[-1] = _mean_box(boxes[merged], corner_scores[merged], factors[best, merged], how.merge)
        lowered = remaining * factors[best]
        remaining = np.where((lowered < remaining) & (lowered < how.min_score), 0, lowered)
    return Kept(
        np.array(rows, dtype=np.int64),
        np.array(kept, dtype=scores.dtype),
        np.array(found, dtype=boxes.dtype).reshape(-1, 4),
    )


def soft_nms_with_leftovers(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    *,
    how: Suppression = SOFT,
    corner_scores: Float[np.ndarray, "n 2"] | None = None,
) -> Kept:
    """The whole array that the originals' soft-NMS of one class leaves behind.

    The originals drop a box by moving the last box of the array to its place and counting one box less. Their
    callers use the whole array, with the leftovers behind the last box that counts: copies of boxes that were
    moved, with the score of that moment, and boxes that were dropped. Where boxes are merged, the corner
    scores are not moved with their boxes, so that they belong to other boxes.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        how: Settings of the suppression.
        corner_scores: As in `soft_nms`.

    Returns:
        All `n` places of the array: first the boxes that are kept, most confident first, then the leftovers.
    """
    iou = _overlaps(boxes)
    factors = how.factors(iou)
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], axis=1)
    rows, values, end = np.arange(len(boxes)), scores.astype(np.float64), len(boxes)
    found = np.full((len(boxes), 4), np.nan)
    for place in range(len(boxes)):
        if place >= end:
            break
        best = place + int(values[place:end].argmax())
        rows[[place, best]], values[[place, best]] = rows[[best, place]], values[[best, place]]
        row = rows[place]
        end, lowered, places = _lower(rows, values, factors[row], iou[row] > 0, place + 1, end, how.min_score)
        if how.merge:
            merged = np.concatenate([[row], lowered])
            weights = corner_scores[np.concatenate([[place], places])]
            found[place] = _mean_box(boxes[merged], weights, factors[row, merged], how.merge)
    found = np.where(np.isnan(found), boxes[rows], found).astype(boxes.dtype)
    return Kept(rows, values.astype(scores.dtype), found)


def _lower(
    rows: Int[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    factors: Float[np.ndarray, " n"],
    is_overlapping: Bool[np.ndarray, " n"],
    start: int,
    end: int,
    min_score: float,
) -> tuple[int, Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """Lowers the scores from place `start` on and drops boxes, all in place.

    Returns:
        The new end, the index of every box that was lowered, and its place at that moment.
    """
    lowered = values * factors[rows]
    is_dropped = is_overlapping[rows] & (lowered < min_score)
    place = start
    dropped: list[tuple[int, int]] = []
    while (found := np.flatnonzero(is_dropped[place:end])).size:
        place += int(found[0])
        values[place] = lowered[place]
        dropped.append((int(rows[place]), place))
        end -= 1
        for array in (rows, values, lowered, is_dropped):
            array[place] = array[end]
        if place == end:
            break
    values[start:end] = lowered[start:end]
    rows_and_places = np.array(dropped, dtype=np.int64).reshape(-1, 2)
    every_row = np.concatenate([rows[start:end], rows_and_places[:, 0]])
    return end, every_row, np.concatenate([np.arange(start, end), rows_and_places[:, 1]])


def _mean_box(
    boxes: Float[np.ndarray, "m 4"],
    corner_scores: Float[np.ndarray, "m 2"],
    factors: Float[np.ndarray, " m"],
    merge: float,
) -> Float[np.ndarray, " 4"]:
    """Weighted mean of the first box and those that it lowers: see `Suppression.merge`."""
    box_weights = (1 - factors) ** merge
    box_weights[0] = 1
    weights = (corner_scores * box_weights[:, None])[:, [0, 0, 1, 1]]
    mean: np.ndarray = (boxes * weights).sum(axis=0) / weights.sum(axis=0)
    return mean


def _overlaps(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n n"]:
    """IoU of every pair of boxes."""
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    # Column by column and in place, since this takes most of the time.
    iou = _common_length(x1, x2)
    iou *= _common_length(y1, y2)
    area = (x2 - x1 + 1) * (y2 - y1 + 1)
    union = area[:, None] + area
    union -= iou  # At this point, the intersection.
    iou /= union
    return iou


def _common_length(first: Float[np.ndarray, " n"], last: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """Number of pixels that every pair of intervals has in common."""
    length = np.minimum(last[:, None], last)
    length -= np.maximum(first[:, None], first)
    length += 1
    return np.maximum(length, 0, out=length)
