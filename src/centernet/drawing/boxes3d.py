"""3D boxes drawn on an image."""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from centernet.drawing.colors import Rgb, class_color
from centernet.geometry.boxes3d import corners_of
from centernet.geometry.camera import Camera

_NEAREST_M = 0.05
"""Depth of the near plane: nearer parts of boxes and those behind the camera are clipped."""

# Pairs of corners in the order of `corners_of`: bottom, top, verticals; and a cross on the front.
_EDGES = (
    *((0, 1), (1, 2), (2, 3), (3, 0)),
    *((4, 5), (5, 6), (6, 7), (7, 4)),
    *((0, 4), (1, 5), (2, 6), (3, 7)),
)
_CROSS = ((0, 5), (1, 4))

_FRACTION_BITS = 4
"""OpenCV draws at sixteenths of a pixel."""
_FURTHEST_PX = 30000
"""Limit to which pixels further away are clipped: OpenCV has 32-bit coordinates."""


def draw_boxes3d(
    image: UInt8[np.ndarray, "h w 3"],
    boxes3d: Float[np.ndarray, "n 7"],
    labels: Int[np.ndarray, " n"],
    camera: Camera,
    *,
    image_size: tuple[int, int] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the image with the edges of 3D boxes, and a cross on the front of each.

    Parts of boxes behind the camera are clipped.

    Args:
        image: RGB.
        boxes3d: As in `geometry.boxes3d`, camera metres; those that are not finite are not drawn.
        labels: Class of each box, which gives its colour.
        camera: Image pixels from camera metres.
        image_size: Rows and columns of the image whose pixels the camera projects to, if `image` is scaled.
    """
    drawn = image.copy()
    rows, columns = image_size or image.shape[:2]
    scale = np.array(drawn.shape[1::-1]) / np.array([columns, rows])
    thickness = max(1, round(min(drawn.shape[:2]) / 250))
    order = np.argsort(-boxes3d[:, 5], kind="stable")
    # The nearest is drawn last.
    for number in order[np.isfinite(boxes3d[order]).all(axis=1)].tolist():
        corners = corners_of(boxes3d[number : number + 1].astype(np.float64))[0]
        projected = np.concatenate([corners, np.ones((8, 1))], axis=1) @ camera.T
        color = class_color(int(labels[number]))
        for start, end in _EDGES:
            _draw_edge(drawn, projected[[start, end]], scale, color, thickness)
        for start, end in _CROSS:
            _draw_edge(drawn, projected[[start, end]], scale, color, 1)
    return drawn


def _draw_edge(
    drawn: np.ndarray, ends: Float[np.ndarray, "2 3"], scale: np.ndarray, color: Rgb, thickness: int
) -> None:
    """Draw a line between two points `(u * depth, v * depth, depth)`, in pixels and metres."""
    near, far = sorted(ends, key=lambda end: float(end[2]))
    if far[2] <= _NEAREST_M:
        return
    if near[2] < _NEAREST_M:
        near = near + (far - near) * (_NEAREST_M - near[2]) / (far[2] - near[2])
    # The middle of the first pixel is (0, 0), its corner (-0.5, -0.5).
    pixels = np.array([(end[:2] / end[2] + 0.5) * scale - 0.5 for end in (near, far)])
    fixed = np.rint(np.clip(pixels, -_FURTHEST_PX, _FURTHEST_PX) * 2**_FRACTION_BITS).astype(int).tolist()
    for start, end in pairwise(fixed):
        cv2.line(drawn, start, end, color, thickness, cv2.LINE_AA, _FRACTION_BITS)
