"""Soft-NMS: Bodla et al. 2017, "Soft-NMS – Improving Object Detection With One Line of Code", sec. 4.

A box that overlaps a better one loses score instead of being dropped. As in both originals, sides are one
pixel longer than the difference of the corners.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

METHODS = ("gaussian", "linear", "hard")
"""How boxes are lowered that overlap a better one; see `Suppression`."""


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """How boxes give way to better ones that they overlap.

    Attributes:
        method: What every better box leaves of a score: `gaussian`, `exp(-iou² / sigma)`; `linear`, `1 - iou`
            above the limit; `hard`, nothing above the limit.
        iou: The limit of `linear` and `hard`.
        sigma: Larger lowers less: at IoU 0.5 and sigma 0.5 a score keeps 61 %.
        least: Boxes lowered below this are dropped.
        merge: Above 0, a box that is kept becomes the mean of those it lowers; one of which the share `s` is
            left counts `(1 - s) ** merge`, times the score of the corner.
    """

    method: str = "gaussian"
    iou: float = 0.5
    sigma: float = 0.5
    least: float = 0.001
    merge: float = 0.0

    def shares(self, iou: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        """What each box leaves of the score of each other, from how much they overlap."""
        if self.method == "gaussian":
            iou = np.square(iou)
            iou /= -self.sigma
            return np.exp(iou, out=iou)
        return np.where(iou > self.iou, 1 - iou if self.method == "linear" else 0.0, 1.0)


SOFT = Suppression()
"""As both originals do it."""


@dataclass(frozen=True)
class Kept:
    """Boxes that are left, best first.

    Attributes:
        rows: Which of the boxes each one was.
        scores: Lowered.
        boxes: As they were, or merged.
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
    """The best boxes and their lowered scores.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        labels: Only boxes of one label lower each other.
        top_k: Most boxes to keep, all labels together.
        how: How they do.
        corner_scores: How sure the two corners are, where boxes are merged; by default as sure as the box.
    """
    share = np.where(labels[:, None] == labels, how.shares(_overlaps(boxes)), 1)
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], axis=1)
    waiting = scores.astype(np.float64)
    rows: list[int] = []
    kept: list[float] = []
    found: list[np.ndarray] = []
    # Scores only sink, so that boxes are taken best first and the rest need not be looked at.
    while len(rows) < min(top_k, len(boxes)):
        best = int(waiting.argmax())
        if waiting[best] <= 0:
            break
        rows.append(best)
        kept.append(float(waiting[best]))
        waiting[best] = 0
        found.append(boxes[best])
        if how.merge:
            joined = np.array([best, *np.flatnonzero(waiting > 0)])
            found[-1] = _mean_box(boxes[joined], corner_scores[joined], share[best, joined], how.merge)
        lowered = waiting * share[best]
        waiting = np.where((lowered < waiting) & (lowered < how.least), 0, lowered)
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
    """What the originals' functions leave in their array, for one class.

    They drop a box by putting the last box of the array in its place and counting one box less. Their callers
    take the whole array, with what lies behind the last place that counts: boxes that were moved away, found
    twice and here with the score they had then, and boxes that were dropped. Where boxes are merged, the
    scores of corners stay in their places when boxes move, so that they are those of others.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        how: How boxes lower each other.
        corner_scores: As in `soft_nms`.

    Returns:
        What is at each of the `n` places of the array. Places before the leftovers are best first.
    """
    iou = _overlaps(boxes)
    share = how.shares(iou)
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
        end, seen, places = _lower(rows, values, share[row], iou[row] > 0, place + 1, end, how.least)
        if how.merge:
            joined = np.concatenate([[row], seen])
            weights = corner_scores[np.concatenate([[place], places])]
            found[place] = _mean_box(boxes[joined], weights, share[row, joined], how.merge)
    found = np.where(np.isnan(found), boxes[rows], found).astype(boxes.dtype)
    return Kept(rows, values.astype(scores.dtype), found)


def _lower(
    rows: Int[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    share: Float[np.ndarray, " n"],
    is_near: Bool[np.ndarray, " n"],
    start: int,
    end: int,
    least: float,
) -> tuple[int, Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """Lowers the scores from place `start` on and drops boxes, all in place.

    Returns:
        The new end; every box that was looked at, and its place then.
    """
    lowered = values * share[rows]
    is_dropped = is_near[rows] & (lowered < least)
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
    gone = np.array(dropped, dtype=np.int64).reshape(-1, 2)
    seen = np.concatenate([rows[start:end], gone[:, 0]])
    return end, seen, np.concatenate([np.arange(start, end), gone[:, 1]])


def _mean_box(
    boxes: Float[np.ndarray, "m 4"],
    corner_scores: Float[np.ndarray, "m 2"],
    shares: Float[np.ndarray, " m"],
    merge: float,
) -> Float[np.ndarray, " 4"]:
    """The first of some boxes and those it lowers as one: see `Suppression.merge`."""
    counts = (1 - shares) ** merge
    counts[0] = 1
    weights = (corner_scores * counts[:, None])[:, [0, 0, 1, 1]]
    mean: np.ndarray = (boxes * weights).sum(axis=0) / weights.sum(axis=0)
    return mean


def _overlaps(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n n"]:
    """IoU of every two boxes."""
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    # Columns apart, and in place: this is most of the work.
    shared = _shared_length(x1, x2)
    shared *= _shared_length(y1, y2)
    area = (x2 - x1 + 1) * (y2 - y1 + 1)
    total = area[:, None] + area
    total -= shared
    shared /= total
    return shared


def _shared_length(first: Float[np.ndarray, " n"], last: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """How many pixels every two stretches share."""
    length = np.minimum(last[:, None], last)
    length -= np.maximum(first[:, None], first)
    length += 1
    return np.maximum(length, 0, out=length)
