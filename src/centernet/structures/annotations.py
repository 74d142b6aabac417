"""Ground truth of one image."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures.optional_columns import fill_columns, full_array, optional_column


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The annotated objects of one image, image pixels.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        labels: Index into the data set's categories.
        is_crowd: Regions that hold many objects: ignored in evaluation, by default not trained on.
        ids: Id of each annotation in the data set, for messages and results.
        areas: Square pixels, which sort objects into small, medium and large; of the mask where there is one.
        keypoints: `(x, y, visibility)` of each keypoint of the object's class, then zeros up to the class
            with the most keypoints. Visibility as in COCO: 0 not labelled, 1 labelled but hidden, 2 visible.
            `(n 0 3)` where no class has any.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, camera metres, as in `geometry.boxes3d`; NaN for an object
            without a 3D box.
        alpha_rad: Observation angle, the heading relative to the line of sight; NaN where not known.
        truncation: Fraction of the object outside the image, 0 to 1; -1: not known.
        occlusion: As in KITTI: 0 fully visible, 1 partly hidden, 2 mostly hidden; 3, -1: not known.
    """

    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]
    ids: Int[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]
    keypoints: Float[np.ndarray, "n k 3"] = optional_column(0, 3, fill=0.0)
    boxes3d: Float[np.ndarray, "n 7"] = optional_column(7)
    alpha_rad: Float[np.ndarray, " n"] = optional_column()
    truncation: Float[np.ndarray, " n"] = optional_column(fill=-1.0)
    occlusion: Float[np.ndarray, " n"] = optional_column(fill=-1.0)

    def __post_init__(self) -> None:
        fill_columns(self, full_array)

    @classmethod
    def joined(cls, parts: Sequence["Annotations"]) -> "Annotations":
        """The objects of several images, one after the other."""
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(cls)
            }
        )

    @classmethod
    def of(
        cls,
        boxes: Float[np.ndarray, "n 4"],
        labels: Int[np.ndarray, " n"],
        keypoints: Float[np.ndarray, "n k 3"] | None = None,
    ) -> "Annotations":
        """Objects with ids from 1, none of them a crowd region."""
        sides = boxes[:, 2:] - boxes[:, :2]
        count = len(boxes)
        return cls(
            boxes=boxes,
            labels=labels,
            is_crowd=np.zeros(count, dtype=bool),
            ids=np.arange(1, count + 1),
            areas=sides[:, 0] * sides[:, 1],
            keypoints=np.zeros((count, 0, 3), np.float32) if keypoints is None else keypoints,
        )

    @classmethod
    def none(cls, max_keypoints: int = 0) -> "Annotations":
        """An image without objects, in a data set whose classes have up to `max_keypoints`."""
        keypoints = np.zeros((0, max_keypoints, 3), dtype=np.float32)
        return cls.of(np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int64), keypoints)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"]) -> "Annotations":
        return Annotations(**{item.name: getattr(self, item.name)[keep] for item in fields(self)})
