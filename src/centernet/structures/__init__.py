"""Frozen records of NumPy arrays: images with their ground truth, data sets, classes.

Three frames, three names: image (the file's pixels), input (the network's pixels), map (cells). Boxes are
`(x1, y1, x2, y2)`, continuous, with the middle of the top-left pixel at (0, 0). `structures.batch` holds the
same for a batch, as tensors; no other module here imports torch.
"""

from centernet.structures.annotations import Annotations
from centernet.structures.categories import Categories, Skeleton
from centernet.structures.dataset import Dataset, Defect, ImageRecord
from centernet.structures.kitti import KittiObjects
from centernet.structures.sample import Sample, View

__all__ = [
    "Annotations",
    "Categories",
    "Dataset",
    "Defect",
    "ImageRecord",
    "KittiObjects",
    "Sample",
    "Skeleton",
    "View",
]
