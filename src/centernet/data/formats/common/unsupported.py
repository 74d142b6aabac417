"""Warnings about annotations that a format cannot store."""

import warnings
from collections.abc import Collection

import numpy as np

from centernet.structures import Dataset

KEYPOINTS, BOXES3D = "keypoints", "3D boxes"
"""Annotations besides boxes that a format may support."""


def warn_unsupported(dataset: Dataset, name: str, supports: Collection[str]) -> None:
    """Warns of keypoints and 3D boxes that will not be in the files.

    Args:
        dataset: The data set to be written.
        name: Of the format.
        supports: The format's `SUPPORTS`.
    """
    start = f"{dataset.name}: {name.upper()} has no"
    if dataset.categories.max_keypoints and KEYPOINTS not in supports:
        _warn(f"{start} keypoints, boxes alone are written; COCO and YOLO have them")
    has_boxes3d = any(np.isfinite(record.annotations.boxes3d).any() for record in dataset.records)
    if has_boxes3d and BOXES3D not in supports:
        _warn(f"{start} 3D boxes, they are left out; COCO and KITTI have them")


def _warn(message: str) -> None:
    # The warning names the line that calls `write`.
    warnings.warn(message, stacklevel=4)
