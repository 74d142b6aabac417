"""Axis-aligned boxes `(x1, y1, x2, y2)` as arrays: areas and overlaps."""

import numpy as np
from jaxtyping import Float, Int

_MAX_PAIRS = 200_000
"""Pairs of boxes that are compared at once: more would only take memory."""


def box_areas(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Width times height; negative sides count as zero."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def iou_matrix(first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every box of one list with every box of another; 0 where both are empty."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    intersection = sides[..., 0] * sides[..., 1]
    union = box_areas(first)[:, None] + box_areas(second)[None] - intersection
    return intersection / np.maximum(union, np.finfo(intersection.dtype).tiny)


def iou_of_pairs(
    first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, " n"]:
    """Intersection over union of each box of one list with the box at its place in another."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    sides = np.clip(sides, 0, None)
    intersection = sides[:, 0] * sides[:, 1]
    union = box_areas(first) + box_areas(second) - intersection
    return intersection / np.maximum(union, np.finfo(intersection.dtype).tiny)


def intersecting_pairs(
    boxes: Float[np.ndarray, "n 4"],
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Positions of the two boxes of each pair with more than an edge in common, in any order.

    Boxes are sorted along the side on which fewer of them overlap, so that far fewer than all pairs are
    compared where boxes are small beside the image.
    """
    ways = [_later_starts(boxes[:, axis], boxes[:, axis + 2]) for axis in (0, 1)]
    order, counts = min(ways, key=lambda way: int(way[1].sum()))
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    parts = np.cumsum(counts) // _MAX_PAIRS
    for part in np.split(np.arange(len(boxes)), np.flatnonzero(np.diff(parts)) + 1):
        lengths = counts[part]
        ends = np.cumsum(lengths)
        first = np.repeat(part, lengths)
        second = first + 1 + np.arange(len(first)) - np.repeat(ends - lengths, lengths)
        i, j = order[first], order[second]
        starts, stops = np.maximum(boxes[i, :2], boxes[j, :2]), np.minimum(boxes[i, 2:], boxes[j, 2:])
        is_common = (starts < stops).all(axis=1)
        firsts.append(i[is_common])
        seconds.append(j[is_common])
    return np.concatenate(firsts), np.concatenate(seconds)


def _later_starts(
    starts: Float[np.ndarray, " n"], stops: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """The order of intervals by their start, and how many of the following ones start before each stops."""
    order = np.argsort(starts, kind="stable")
    before_stop = np.searchsorted(starts[order], stops[order], side="left")
    return order, np.maximum(before_stop - np.arange(1, len(starts) + 1), 0)
