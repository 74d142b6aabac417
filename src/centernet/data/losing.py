"""What a format cannot hold is not lost in silence when a data set is written in it."""

import warnings

import numpy as np

from centernet.structures import Dataset


def warn_of_loss(dataset: Dataset, name: str, *, keypoints: bool = False, boxes3d: bool = False) -> None:
    """Warns of keypoints and boxes in 3D that will not be in the files.

    Args:
        dataset: What is written.
        name: Of the format.
        keypoints: It holds them.
        boxes3d: It holds them.
    """
    if dataset.categories.most_keypoints and not keypoints:
        _warn(f"{dataset.name}: {name} has no keypoints, boxes alone are written; COCO and YOLO hold them")
    if not boxes3d and any(np.isfinite(one.annotations.boxes3d).any() for one in dataset.records):
        _warn(f"{dataset.name}: {name} has no boxes in 3D, they are left out; COCO and KITTI hold them")


def _warn(message: str) -> None:
    # Of the line that calls `write`.
    warnings.warn(message, stacklevel=4)
