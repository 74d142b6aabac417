"""A data set of two classes with different skeletons and one without, and plausible detections in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from centernet.detections import Detections
from centernet.structures import Annotations, Categories, Dataset, ImageRecord, Skeleton

CATEGORIES = Categories(
    names=("mouse", "wheel", "glue"),
    ids=(5, 7, 2),
    skeletons=(
        Skeleton(names=("nose", "left_ear", "right_ear"), edges=((0, 1), (0, 2)), pairs=((1, 2),)),
        None,
        Skeleton(names=("tip", "end"), edges=((0, 1),), sigmas=(0.05, 0.1)),
    ),
)
BOXES = np.array([[0, 0, 40, 40], [50, 0, 90, 80], [100, 0, 140, 40]], dtype=np.float32)
KEYPOINTS = np.array(
    [
        [[20, 5, 2], [10, 20, 2], [30, 20, 1]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[110, 5, 2], [130, 30, 2], [0, 0, 0]],
    ],
    dtype=np.float32,
)


def make_dataset(folder: Path = Path()) -> Dataset:
    """Image 3 has a mouse, a wheel and a tube of glue, image 8 has no objects."""
    objects = Annotations.of(BOXES, np.arange(3), KEYPOINTS)
    return Dataset(
        name="mice",
        format="coco",
        categories=CATEGORIES,
        records=tuple(
            ImageRecord(
                path=folder / f"mouse_{image_id}.png",
                image_id=image_id,
                annotations=annotations,
                source="mice.json",
                size=(100, 150),
            )
            for image_id, annotations in ((3, objects), (8, Annotations.none(3)))
        ),
    )


def make_found(shift: float = 0.0, categories: Categories = CATEGORIES) -> Detections:
    """All objects of image 3, each keypoint shifted to the right, the ears with low scores.

    Args:
        shift: Pixels.
        categories: Categories of the detections.
    """
    keypoints = KEYPOINTS.copy()
    keypoints[KEYPOINTS[..., 2] > 0] += (shift, 0, 0)
    keypoints[..., 2] = np.where(KEYPOINTS[..., 2] > 0, [0.9, 0.05, 0.2], 0)
    return Detections(
        boxes=BOXES,
        scores=np.array([0.9, 0.8, 0.7], dtype=np.float32),
        labels=np.arange(3),
        categories=categories,
        name="mouse_3.png",
        image_size=(100, 150),
        image_id=3,
        keypoints=keypoints,
    )


def without_keypoints(found: Detections) -> Detections:
    """The detections without their keypoints."""
    return replace(found, keypoints=np.zeros((len(found), 0, 3), dtype=np.float32))
