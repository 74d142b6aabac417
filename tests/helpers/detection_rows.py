"""Detections as rows that can be compared."""

import numpy as np


def detection_rows(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Detections of one image, sorted so that the order of equal scores does not matter."""
    table = np.column_stack([boxes, scores, labels])
    return table[np.lexsort((table[:, 0], table[:, 5], -table[:, 4].round(5)))]
