"""Boxes of a whole data set that seem to be numbers of another kind than their format has."""

import numpy as np

from centernet.structures import Dataset, Defect
from centernet.structures.annotation_table import AnnotationTable
from centernet.structures.records import Records

_MIN_SIDE_PX = 32
"""Images of shorter sides could have objects of a pixel."""
_MIN_SHARE_OUTSIDE = 0.1
_FAR_OUTSIDE = 2.0
"""Fractions of the sides beyond this are no rounding."""
_MIN_OUTSIDE = 0.05
"""A box counts as outside if it exceeds a side of its image by this fraction of the side."""


def box_spelling(dataset: Dataset) -> list[Defect]:
    """A defect if boxes seem to be fractions of the sides, pixels for YOLO, or corners where COCO has sizes.

    Args:
        dataset: Its images have their sizes.
    """
    objects = AnnotationTable.of(dataset.records, dataset.categories.max_keypoints)
    rows_columns = np.maximum(Records.of(dataset.records).sizes, 0)
    is_finite = np.isfinite(objects.boxes).all(axis=1)
    if not is_finite.any():
        return []
    # VOC counts from 1.
    boxes = objects.boxes[is_finite].astype(np.float64) + (dataset.format == "voc")
    sides = rows_columns[objects.image_index[is_finite]][:, ::-1]
    if sides.min() >= _MIN_SIDE_PX and boxes.min() >= -0.01 and boxes[:, 2:].max() <= 1.01:
        message = "all boxes lie within 0 to 1: they seem to be fractions of the sides, not pixels"
        action = "they are used as pixels: multiply x by the width and y by the height of each image"
        return [Defect(kind="boxes as fractions", where=dataset.name, message=message, action=action)]
    if dataset.format == "yolo" and (boxes[:, 2:] > _FAR_OUTSIDE * sides).any(axis=1).mean() > 0.5:
        message = (
            "most boxes are far outside of their images: they seem to be pixels, not fractions of the sides"
        )
        action = "they are used as fractions: divide x by the width and y by the height of each image"
        return [Defect(kind="boxes as pixels", where=dataset.name, message=message, action=action)]
    if dataset.format == "coco" and _are_corners(boxes, sides):
        message = (
            "boxes seem to be x1, y1, x2, y2: read as COCO's x, y, width, height many exceed their images"
        )
        action = "they are read as x, y, width, height: subtract x1 and y1"
        return [Defect(kind="boxes as corners", where=dataset.name, message=message, action=action)]
    return []


def _are_corners(boxes: np.ndarray, sides: np.ndarray) -> bool:
    """True if many boxes exceed their images, and none would if their sizes were corners."""
    second = boxes[:, 2:] - boxes[:, :2]
    is_inside = (second > boxes[:, :2]).all(axis=1) & (second <= sides + 1).all(axis=1)
    exceeds = (boxes[:, 2:] > sides * (1 + _MIN_OUTSIDE)).any(axis=1)
    return bool(is_inside.all() and exceeds.mean() >= _MIN_SHARE_OUTSIDE)
