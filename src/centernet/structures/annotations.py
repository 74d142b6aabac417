"""Ground truth of one image, and of many images in one table."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from jaxtyping import Bool, Float, Int


def _no_keypoints() -> np.ndarray:
    return np.zeros((0, 0, 3), dtype=np.float32)


def _no_boxes3d() -> np.ndarray:
    return np.zeros((0, 7), dtype=np.float32)


def _no_numbers() -> np.ndarray:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The true objects of one image, image pixels.

    Attributes:
        boxes: `(x1, y1, x2, y2)`.
        labels: Index into the data set's categories.
        is_crowd: Regions that hold many objects: ignored in evaluation, by default not trained on.
        ids: The annotation's own id in the data set, for messages and results.
        areas: Square pixels, which sort objects into small, medium and large; a mask's where there is one.
        keypoints: `(x, y, visibility)` of each keypoint of the object's class, then zeros up to the class
            that has most. Visibility as in COCO: 0 not labelled, 1 labelled but hidden, 2 seen. `(n 0 3)`
            where no class has any.
        boxes3d: `(h, w, l, x, y, z, rotation_y)`, camera metres, as in `geometry.boxes3d`; NaN for an object
            without one.
        alpha_rad: Heading against the line of sight, which is what is seen of it; NaN where not known.
        truncation: How much of it is outside the image, from 0 to 1; -1: not known.
        occlusion: As KITTI has it: 0 fully visible, 1 partly hidden, 2 mostly hidden; 3, -1: not known.
    """

    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]
    ids: Int[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]
    keypoints: Float[np.ndarray, "n k 3"] = field(default_factory=_no_keypoints)
    boxes3d: Float[np.ndarray, "n 7"] = field(default_factory=_no_boxes3d)
    alpha_rad: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)
    truncation: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)
    occlusion: Float[np.ndarray, " n"] = field(default_factory=_no_numbers)

    def __post_init__(self) -> None:
        # Objects without keypoints, or without a third dimension, need not say so.
        count = len(self.boxes)
        if not self.keypoints.size:
            none = np.zeros((count, self.keypoints.shape[1], 3), dtype=np.float32)
            object.__setattr__(self, "keypoints", none)
        unknown = {
            "boxes3d": (count, 7),
            "alpha_rad": (count,),
            "truncation": (count,),
            "occlusion": (count,),
        }
        for name, shape in unknown.items():
            if not len(getattr(self, name)):
                value = -1 if name in ("truncation", "occlusion") else np.nan
                object.__setattr__(self, name, np.full(shape, value, dtype=np.float32))

    @classmethod
    def joined(cls, parts: Sequence["Annotations"]) -> "Annotations":
        """The objects of several, one after the other."""
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
        """Ordinary objects numbered from 1, none of them a crowd."""
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
