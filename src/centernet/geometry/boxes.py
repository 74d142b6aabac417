"""Axis-aligned boxes `(x1, y1, x2, y2)` as arrays: areas and overlaps."""

import numpy as np
from jaxtyping import Float


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
