"""Soft-NMS: Bodla et al. 2017, "Soft-NMS – Improving Object Detection With One Line of Code", sec. 4.

The score of a box that overlaps a more confident one is lowered; the box is not dropped at once. As in both
originals, sides are one pixel longer than the difference of the corners.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

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

    def factors(self, iou: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Factors by which a box lowers the scores of others, from its IoU with them."""
        if self.method == "gaussian":
            squares = np.square(iou)
            squares /= -self.sigma
            return np.exp(squares, out=squares)
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
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], axis=1)
    # Scores are only ever lowered: those of a class fall, and no more are taken than are kept.
    classes = [
        _taken(boxes, scores, corner_scores, np.flatnonzero(labels == label), how)
        for label in np.unique(labels)
    ]
    taken = list(islice(heapq.merge(*classes, key=lambda one: (-one[0], one[1])), top_k))
    return Kept(
        np.array([row for _, row, _ in taken], dtype=np.int64),
        np.array([score for score, _, _ in taken], dtype=scores.dtype),
        np.array([box for _, _, box in taken], dtype=boxes.dtype).reshape(-1, 4),
    )


def _taken(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, " n"],
    corner_scores: Float[np.ndarray, "n 2"],
    rows: Int[np.ndarray, " m"],
    how: Suppression,
) -> Iterator[tuple[float, int, Float[np.ndarray, " 4"]]]:
    """The boxes of one class that are kept, most confident first: score, row, box.

    Args:
        boxes: Boxes of all classes.
        scores: Their scores.
        corner_scores: Scores of their corners.
        rows: Rows of the class.
        how: Settings of the suppression.
    """
    remaining = scores[rows].astype(np.float64)
    sides = _Sides.of(boxes[rows])
    while len(rows):
        best = int(remaining.argmax())
        score, row, box = float(remaining[best]), int(rows[best]), boxes[rows[best]]
        if score <= 0:
            return
        factors = how.factors(sides.iou(best))
        remaining[best] = 0
        if how.merge:
            merged = np.array([best, *np.flatnonzero(remaining > 0)])
            box = _mean_box(boxes[rows[merged]], corner_scores[rows[merged]], factors[merged], how.merge)
        yield score, row, box
        lowered = remaining * factors
        remaining = np.where((lowered < remaining) & (lowered < how.min_score), 0, lowered)
        left = remaining > 0
        # Copying what is left pays when a good part is gone.
        if 4 * np.count_nonzero(left) < 3 * len(left):
            rows, remaining, sides = rows[left], remaining[left], sides[left]


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
    sides = _Sides.of(boxes)
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
        iou = sides.iou(row)
        factors = how.factors(iou)
        end, lowered, places = _lower(rows, values, factors, iou > 0, place + 1, end, how.min_score)
        if how.merge:
            merged = np.concatenate([[row], lowered])
            weights = corner_scores[np.concatenate([[place], places])]
            found[place] = _mean_box(boxes[merged], weights, factors[merged], how.merge)
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


@dataclass(frozen=True)
class _Sides:
    """Boxes by column, in 64 bits."""

    x1: Float[np.ndarray, " n"]
    y1: Float[np.ndarray, " n"]
    x2: Float[np.ndarray, " n"]
    y2: Float[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, boxes: Float[np.ndarray, "n 4"]) -> "_Sides":
        x1, y1, x2, y2 = np.ascontiguousarray(boxes.astype(np.float64).T)
        return cls(x1, y1, x2, y2, (x2 - x1 + 1) * (y2 - y1 + 1))

    def __getitem__(self, left: Bool[np.ndarray, " n"]) -> "_Sides":
        return _Sides(self.x1[left], self.y1[left], self.x2[left], self.y2[left], self.areas[left])

    def iou(self, row: int) -> Float[np.ndarray, " n"]:
        """IoU of one box with each."""
        width = np.minimum(self.x2, self.x2[row])
        width -= np.maximum(self.x1, self.x1[row])
        width += 1
        np.maximum(width, 0, out=width)
        height = np.minimum(self.y2, self.y2[row])
        height -= np.maximum(self.y1, self.y1[row])
        height += 1
        np.maximum(height, 0, out=height)
        width *= height
        union = self.areas[row] + self.areas
        union -= width
        width /= union
        return width
