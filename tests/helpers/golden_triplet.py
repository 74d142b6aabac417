"""Names of the maps of keypoint triplets in golden data, and rows in an order that can be compared."""

import numpy as np

from centernet.tasks.triplet.task import KEYPOINTS

THEIRS = {"top_left": "tl", "bottom_right": "br", "center": "ct"}
MAPS = [
    *((name, "heatmap", f"{theirs}_heat") for name, theirs in THEIRS.items()),
    *((name, "offset", f"{theirs}_regr") for name, theirs in THEIRS.items()),
    *((name, "tag", f"{THEIRS[name]}_tag") for name in KEYPOINTS[:2]),
]
"""Keypoint and kind of each map, and its name in the original."""


def sorted_rows(rows: np.ndarray) -> np.ndarray:
    """The rows sorted by their values, rounded so that noise does not change the order."""
    return rows[np.lexsort(rows.round(3).T)]
