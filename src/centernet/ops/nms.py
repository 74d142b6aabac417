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

    def factors(self, iou: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Factors by which a box lowers the scores of others, from its IoU with them."""
        if self.method == "gaussian":
            iou = np.square(iou)
            iou /= -self.sigma
            return np.exp(iou, out=iou)
        return np.where(iou > self.iou, 1 - iou if self.method == "linear" else 0.0, 1.0)


_PACE = 64
"""Boxes that are kept before those that were dropped are left out of the search."""

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

    A box is compared with those that it overlaps alone, one box at a time: memory grows as the boxes do.

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
    candidates = _Candidates.of(boxes, scores, labels)
    rows: list[int] = []
    kept: list[float] = []
    found: list[np.ndarray] = []
    # Scores are only ever lowered, so boxes are taken in order of score and the loop may stop at `top_k`.
    while len(rows) < top_k and len(candidates.rows):
        place = int(candidates.scores.argmax())
        best, score = int(candidates.rows[place]), float(candidates.scores[place])
        if score <= 0:
            break
        rows.append(best)
        kept.append(score)
        found.append(boxes[best])
        candidates.scores[place] = 0
        near = candidates.near(place)
        factors = how.factors(candidates.overlaps(place, near))
        if how.merge:
            merged = np.concatenate([[best], candidates.rows[near]])
            weights = np.concatenate([[0.0], factors])
            found[-1] = _mean_box(boxes[merged], corner_scores[merged], weights, how.merge)
        remaining = candidates.scores[near]
        lowered = remaining * factors
        candidates.scores[near] = np.where((lowered < remaining) & (lowered < how.min_score), 0, lowered)
        if len(rows) % _PACE == 0:
            candidates = candidates.left()
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
    every = _Candidates.of(boxes, scores, np.zeros(len(boxes), dtype=np.int64))
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], axis=1)
    rows, values, end = np.arange(len(boxes)), scores.astype(np.float64), len(boxes)
    found = np.full((len(boxes), 4), np.nan)
    for place in range(len(boxes)):
        if place >= end:
            break
        best = place + int(values[place:end].argmax())
        rows[[place, best]], values[[place, best]] = rows[[best, place]], values[[best, place]]
        row = int(rows[place])
        iou = every.overlaps(row)
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
class _Candidates:
    """Boxes that may still be kept.

    Attributes:
        rows: Index of each among the input boxes.
        scores: Scores as lowered so far; 0 for boxes that were taken or dropped.
        labels: Class of each.
        edges: `x1`, `y1`, `x2`, `y2` of each.
        areas: Area of each; sides are one pixel longer than the difference of the corners.
    """

    rows: Int[np.ndarray, " n"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    edges: Float[np.ndarray, "4 n"]
    areas: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls, boxes: Float[np.ndarray, "n 4"], scores: Float[np.ndarray, " n"], labels: Int[np.ndarray, " n"]
    ) -> "_Candidates":
        """All boxes."""
        edges = np.ascontiguousarray(boxes.T, dtype=np.float64)
        areas = (edges[2] - edges[0] + 1) * (edges[3] - edges[1] + 1)
        return cls(np.arange(len(boxes)), scores.astype(np.float64), labels, edges, areas)

    def left(self) -> "_Candidates":
        """Those that were neither taken nor dropped."""
        left = np.flatnonzero(self.scores > 0)
        return _Candidates(
            self.rows[left], self.scores[left], self.labels[left], self.edges[:, left], self.areas[left]
        )

    def near(self, place: int) -> Int[np.ndarray, " s"]:
        """Places of those of its class that a box overlaps, without those taken or dropped."""
        x1, y1, x2, y2 = self.edges
        near = x1 < x2[place] + 1
        near &= x2 > x1[place] - 1
        near &= y1 < y2[place] + 1
        near &= y2 > y1[place] - 1
        near &= self.labels == self.labels[place]
        places = np.flatnonzero(near)
        return places[self.scores[places] > 0]

    def overlaps(self, place: int, others: Int[np.ndarray, " s"] | slice = slice(None)) -> np.ndarray:
        """IoU of a box with others, all of them by default."""
        x1, y1, x2, y2 = self.edges[:, others]
        left, top, right, bottom = self.edges[:, place]
        intersection = np.maximum(np.minimum(x2, right) - np.maximum(x1, left) + 1, 0)
        intersection *= np.maximum(np.minimum(y2, bottom) - np.maximum(y1, top) + 1, 0)
        iou: np.ndarray = intersection / (self.areas[others] + self.areas[place] - intersection)
        return iou
