"""Objects of KITTI's label and result files."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class KittiObjects:
    """Rows of KITTI's label or result files: the objects of many frames in one list, frame after frame.

    Attributes:
        frames: Names of the frames, such as `000123`, including those without objects.
        frame: Index into `frames` of each object, ascending.
        lines: Line of each object in the file of its frame, from 1.
        types: Class as written in the file: `Car`, `Van`, `DontCare`.
        truncation: Fraction of the object outside the image, 0 to 1; -1: not known.
        occlusion: 0 fully visible, 1 partly hidden, 2 mostly hidden; 3, -1: not known.
        alpha_rad: Observation angle, the heading relative to the line of sight; -10: not known.
        boxes: Image pixels as in the file: left, top, right, bottom.
        boxes3d: `(h, w, l, x, y, z, rotation_y)` as in `geometry.boxes3d`; sizes of -1 and positions of -1000
            where there is no 3D box.
        scores: Higher is more confident; 1 for ground truth.
    """

    frames: tuple[str, ...]
    frame: Int[np.ndarray, " n"]
    lines: Int[np.ndarray, " n"]
    types: np.ndarray
    truncation: Float[np.ndarray, " n"]
    occlusion: Float[np.ndarray, " n"]
    alpha_rad: Float[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    boxes3d: Float[np.ndarray, "n 7"]
    scores: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def have_boxes3d(self) -> Bool[np.ndarray, " n"]:
        """True for objects with a 3D box."""
        return (self.boxes3d[:, :3] > 0).all(axis=1) & (self.boxes3d[:, 3:6] != -1000).all(axis=1)

    @property
    def have_alpha(self) -> Bool[np.ndarray, " n"]:
        """True for objects whose heading is known."""
        return self.alpha_rad != -10
