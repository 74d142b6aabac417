"""What a format cannot hold is not lost in silence when a data set is written in it."""

import warnings
from collections.abc import Collection

import numpy as np

from centernet.structures import Dataset

KEYPOINTS, BOXES3D = "keypoints", "boxes in 3D"
"""What a format may hold besides boxes."""


def warn_unsupported(dataset: Dataset, name: str, holds: Collection[str]) -> None:
    """Warns of keypoints and boxes in 3D that will not be in the files.

    Args:
        dataset: What is written.
        name: Of the format.
        holds: What it can say besides boxes.
    """
    said = f"{dataset.name}: {name.upper()} has no"
    if dataset.categories.max_keypoints and KEYPOINTS not in holds:
        _warn(f"{said} keypoints, boxes alone are written; COCO and YOLO hold them")
    if BOXES3D not in holds and any(np.isfinite(one.annotations.boxes3d).any() for one in dataset.records):
        _warn(f"{said} boxes in 3D, they are left out; COCO and KITTI hold them")


def _warn(message: str) -> None:
    # Of the line that calls `write`.
    warnings.warn(message, stacklevel=4)
