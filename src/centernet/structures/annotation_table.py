"""All objects of many images in one table, so that checks of 100 000 objects are vectorised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures.dataset import ImageRecord
from centernet.structures.records import Records


@dataclass(frozen=True, kw_only=True)
class AnnotationTable:
    """One row for each object, image after image.

    Attributes:
        boxes: `(x1, y1, x2, y2)`, image pixels.
        labels: Class of each object.
        is_crowd: Regions that hold many objects.
        keypoints: `(x, y, visibility)`, image pixels, as in `structures.Annotations`.
        image_index: Index of the object's image.
        index: Index of the object in its image.
    """

    boxes: Float[np.ndarray, "m 4"]
    labels: Int[np.ndarray, " m"]
    is_crowd: Bool[np.ndarray, " m"]
    keypoints: Float[np.ndarray, "m k 3"]
    image_index: Int[np.ndarray, " m"]
    index: Int[np.ndarray, " m"]

    @classmethod
    def of(cls, records: Sequence[ImageRecord], num_keypoints: int = 0) -> "AnnotationTable":
        """The objects of all these images.

        Args:
            records: The images.
            num_keypoints: Number of keypoints of an object where there is no image to tell it.
        """
        table = Records.of(records, num_keypoints)
        objects, image_index = table.annotations(), table.image_index
        return cls(
            boxes=objects.boxes,
            labels=objects.labels,
            is_crowd=objects.is_crowd,
            keypoints=objects.keypoints,
            image_index=image_index,
            index=np.arange(len(objects)) - table.starts[image_index],
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Bool[np.ndarray, " m"]) -> "AnnotationTable":
        return AnnotationTable(
            boxes=self.boxes[keep],
            labels=self.labels[keep],
            is_crowd=self.is_crowd[keep],
            keypoints=self.keypoints[keep],
            image_index=self.image_index[keep],
            index=self.index[keep],
        )
