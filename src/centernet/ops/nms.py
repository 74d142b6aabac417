"""Soft-NMS: Bodla et al. 2017, "Soft-NMS – Improving Object Detection With One Line of Code", sec. 4.

A box that overlaps a better one loses score instead of being dropped: every better box multiplies it by
`exp(-iou² / sigma)`. As in the original of Objects as Points, sides are one pixel longer than the difference
of the corners.
"""

import numpy as np
from jaxtyping import Float, Int

SIGMA = 0.5
"""How tolerant of overlap: at IoU 0.5 a score keeps 61 %."""

LEAST = 0.001
"""A box whose score is lowered below this is dropped."""

Rows = tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]


def soft_nms(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    *,
    top_k: int,
    sigma: float = SIGMA,
    least: float = LEAST,
) -> Rows:
    """The best boxes and their lowered scores.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        labels: Only boxes of one label lower each other.
        top_k: Most boxes to keep, all labels together.
        sigma: Larger lowers less.
        least: Boxes lowered below this are dropped.

    Returns:
        Positions of the boxes kept, and their scores, best first.
    """
    share = np.where(labels[:, None] == labels, _share_kept(boxes, sigma), 1)
    waiting = scores.astype(np.float64)
    rows: list[int] = []
    kept: list[float] = []
    # Scores only sink, so that boxes are taken best first and the rest need not be looked at.
    while len(rows) < min(top_k, len(boxes)):
        best = int(waiting.argmax())
        if waiting[best] <= 0:
            break
        rows.append(best)
        kept.append(float(waiting[best]))
        waiting[best] = 0
        lowered = waiting * share[best]
        waiting = np.where((lowered < waiting) & (lowered < least), 0, lowered)
    return np.array(rows, dtype=np.int64), np.array(kept, dtype=scores.dtype)


def soft_nms_with_leftovers(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    *,
    sigma: float = SIGMA,
    least: float = LEAST,
) -> Rows:
    """What the original's function leaves in its array, for one class.

    It drops a box by putting the last box of the array in its place and counting one box less. Its caller
    takes the whole array, with what lies behind the last place that counts: boxes that were moved away, found
    twice and here with the score they had then, and boxes that were dropped.

    Args:
        boxes: `(x1, y1, x2, y2)`, pixels.
        scores: 0 to 1.
        sigma: Larger lowers less.
        least: Boxes lowered below this are dropped.

    Returns:
        For each of the `n` places of the array the position of the box there, and its score. Places before
        the leftovers are best first.
    """
    share = _share_kept(boxes, sigma)
    rows, values, end = np.arange(len(boxes)), scores.astype(np.float64), len(boxes)
    for place in range(len(boxes)):
        if place >= end:
            break
        best = place + int(values[place:end].argmax())
        rows[[place, best]], values[[place, best]] = rows[[best, place]], values[[best, place]]
        end = _lower(rows, values, share[rows[place]], place + 1, end, least)
    return rows, values.astype(scores.dtype)


def _lower(
    rows: Int[np.ndarray, " n"],
    values: Float[np.ndarray, " n"],
    share: Float[np.ndarray, " n"],
    start: int,
    end: int,
    least: float,
) -> int:
    """Lowers the scores from place `start` on and drops boxes, all in place; gives the new end."""
    lowered = values * share[rows]
    is_dropped = (share[rows] < 1) & (lowered < least)
    place = start
    while (found := np.flatnonzero(is_dropped[place:end])).size:
        place += int(found[0])
        values[place] = lowered[place]
        end -= 1
        for array in (rows, values, lowered, is_dropped):
            array[place] = array[end]
        if place == end:
            break
    values[start:end] = lowered[start:end]
    return end


def _share_kept(boxes: Float[np.ndarray, "n 4"], sigma: float) -> Float[np.ndarray, "n n"]:
    """What each box leaves of the score of each other box."""
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    # Columns apart, and in place: this is most of the work.
    shared = _shared_length(x1, x2)
    shared *= _shared_length(y1, y2)
    area = (x2 - x1 + 1) * (y2 - y1 + 1)
    iou = shared / (area[:, None] + area - shared)
    iou *= iou
    iou /= -sigma
    return np.exp(iou, out=iou)


def _shared_length(first: Float[np.ndarray, " n"], last: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """How many pixels every two stretches share."""
    length = np.minimum(last[:, None], last)
    length -= np.maximum(first[:, None], first)
    length += 1
    return np.maximum(length, 0, out=length)
