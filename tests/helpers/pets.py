"""A data set of three images and plausible detections in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from centernet.detections import Detections
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

CATEGORIES = Categories(names=("cat", "dog", "owl"), ids=(17, 3, 90))
BOXES = np.array([[0, 0, 40, 40], [50, 50, 90, 90], [100, 0, 140, 40]], dtype=np.float32)


def make_dataset() -> Dataset:
    """Image 7 has two cats and a dog, image 4 a crowd of cats, image 9 no objects; there are no owls."""
    objects = Annotations.of(BOXES, np.array([0, 0, 1]))
    crowd = replace(Annotations.of(BOXES[:1], np.array([0])), is_crowd=np.array([True]))
    return Dataset(
        name="pets val",
        format="coco",
        categories=CATEGORIES,
        records=tuple(
            ImageRecord(
                path=Path(f"pet_{image_id}.jpg"),
                image_id=image_id,
                annotations=annotations,
                source="pets.json",
                size=(100, 150),
            )
            for image_id, annotations in ((7, objects), (4, crowd), (9, Annotations.none()))
        ),
    )


def make_detections(
    image_id: int, boxes: np.ndarray, labels: list[int], categories: Categories = CATEGORIES
) -> Detections:
    """Detections that all have the same score."""
    return Detections(
        boxes=boxes.astype(np.float32),
        scores=np.full(len(boxes), 0.9, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        categories=categories,
        name=f"pet_{image_id}.jpg",
        image_size=(100, 150),
        image_id=image_id,
    )


def make_found() -> list[Detections]:
    """Both cats, a cat where the dog is, and two cats in the crowd; not in the data set's order."""
    return [
        make_detections(4, BOXES[[0, 0]] * 0.5, [0, 0]),
        make_detections(7, BOXES, [0, 0, 0]),
    ]
