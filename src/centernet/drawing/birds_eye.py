"""Bird's-eye view of 3D boxes: the camera at the bottom, ahead is up, a ring every ten metres."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from centernet.drawing.boxes3d import draw_boxes3d
from centernet.drawing.colors import Rgb, class_color
from centernet.drawing.fonts import load_font, printable
from centernet.geometry.boxes3d import ground_corners
from centernet.geometry.camera import Camera

_PAPER: Rgb = (24, 26, 30)
_RING: Rgb = (62, 66, 74)
_VIEW: Rgb = (90, 96, 106)
_INK: Rgb = (150, 155, 162)
_GROUND_TRUTH: Rgb = (240, 240, 240)
_MIN_RANGE_M, _MAX_RANGE_M = 30.0, 100.0
_BITS = 4
_WIDE = 2
"""Ratio of width to height above which the bird's-eye view goes below the image instead of beside it."""

ToPixels = Callable[[Float[np.ndarray, "k 2"]], list[list[int]]]


def draw_birds_eye(
    boxes3d: Float[np.ndarray, "n 7"],
    labels: Int[np.ndarray, " n"],
    size: tuple[int, int],
    *,
    ground_truth: Float[np.ndarray, "m 7"] | None = None,
    camera: Camera | None = None,
    image_width: int | None = None,
) -> UInt8[np.ndarray, "{size[0]} {size[1]} 3"]:
    """Bird's-eye view of boxes in the colours of their classes, each with a line along its heading.

    Args:
        boxes3d: As in `geometry.boxes3d`, camera metres; those that are not finite are not drawn.
        labels: Class of each box.
        size: Rows and columns of the drawing. Its range is that of the boxes, from 30 to 100 metres.
        ground_truth: Ground-truth boxes, drawn in white.
        camera: Image pixels from camera metres; with `image_width`, lines mark the field of view.
        image_width: Width of the camera's image, pixels.
    """
    true_boxes = np.zeros((0, 7)) if ground_truth is None else ground_truth
    height, width = size
    range_m = _range_m(np.concatenate([boxes3d, true_boxes]))
    # Some ground behind the camera is drawn too.
    px_per_m = height / (range_m * 1.08)
    origin = np.array([(width - 1) / 2, height - 1 - 0.04 * range_m * px_per_m])
    drawn = np.empty((height, width, 3), dtype=np.uint8)
    drawn[:] = _PAPER

    def to_pixels(points_m: Float[np.ndarray, "k 2"]) -> list[list[int]]:
        """Sixteenths of a pixel from `(x, z)` in metres."""
        pixels = origin + points_m * np.array([px_per_m, -px_per_m])
        return np.rint(np.clip(pixels, -9999, 9999) * 2**_BITS).astype(int).tolist()

    (camera_px,) = to_pixels(np.zeros((1, 2)))
    for ring_m in range(10, int(range_m) + 31, 10):
        cv2.circle(drawn, camera_px, round(ring_m * px_per_m * 2**_BITS), _RING, 1, cv2.LINE_AA, _BITS)
    if camera is not None and image_width is not None:
        slopes = (np.array([0, image_width - 1]) - camera[0, 2]) / camera[0, 0]
        for end in to_pixels(np.stack([slopes, np.ones(2)], axis=1) * 2 * range_m):
            cv2.line(drawn, camera_px, end, _VIEW, 1, cv2.LINE_AA, _BITS)
    thickness = max(1, round(min(size) / 300))
    for box in true_boxes[np.isfinite(true_boxes).all(axis=1)]:
        _outline(
            drawn, to_pixels(ground_corners(box[None])[0]), _heading(box, to_pixels), _GROUND_TRUTH, thickness
        )
    for box, label in zip(boxes3d, labels.tolist(), strict=True):
        if np.isfinite(box).all():
            corners = to_pixels(ground_corners(box[None])[0])
            _outline(drawn, corners, _heading(box, to_pixels), class_color(label), thickness)
    return _with_distances(drawn, origin, px_per_m, range_m)


def draw_boxes3d_and_birds_eye(
    image: UInt8[np.ndarray, "h w 3"],
    boxes3d: Float[np.ndarray, "n 7"],
    labels: Int[np.ndarray, " n"],
    camera: Camera,
    *,
    image_size: tuple[int, int],
    ground_truth: Float[np.ndarray, "m 7"] | None = None,
    birds_eye: bool = True,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image with 3D boxes drawn on it, and their bird's-eye view beside it, or below if it is wide.

    Args:
        image: RGB, at any scale.
        boxes3d: As in `geometry.boxes3d`, camera metres; those that are not finite are not drawn.
        labels: Class of each box.
        camera: Image pixels from camera metres.
        image_size: Rows and columns of the image whose pixels the camera projects to.
        ground_truth: Ground-truth boxes, drawn in white in the bird's-eye view.
        birds_eye: False leaves out the bird's-eye view; it is also left out if there are no boxes at all.
    """
    drawn = draw_boxes3d(image, boxes3d, labels, camera, image_size=image_size)
    both = boxes3d if ground_truth is None else np.concatenate([boxes3d, ground_truth])
    if not birds_eye or not np.isfinite(both).all(axis=1).any():
        return drawn
    height, width = image.shape[:2]
    is_below = width > _WIDE * height
    size = (round(0.6 * width), width) if is_below else (max(height, 256), max(height, 256))
    view = draw_birds_eye(
        boxes3d, labels, size, ground_truth=ground_truth, camera=camera, image_width=image_size[1]
    )
    return _joined(drawn, view, is_below=is_below)


def _joined(
    image: UInt8[np.ndarray, "h w 3"], birds_eye: UInt8[np.ndarray, "_ _ 3"], *, is_below: bool
) -> UInt8[np.ndarray, "_ _ 3"]:
    """Both in one image, the second on the right or below."""
    height, width = image.shape[:2]
    rows, columns = birds_eye.shape[:2]
    top, left = (height, 0) if is_below else (0, width)
    both = np.empty((max(height, top + rows), max(width, left + columns), 3), dtype=np.uint8)
    both[:] = _PAPER
    both[:height, :width] = image
    both[top : top + rows, left : left + columns] = birds_eye
    return both


def _range_m(boxes: Float[np.ndarray, "n 7"]) -> float:
    """Range of the view: the depth of the furthest box, rounded up to tens of metres."""
    depths = boxes[np.isfinite(boxes).all(axis=1), 5]
    furthest = float(depths.max(initial=0)) + 3
    return float(np.clip(math.ceil(furthest / 10) * 10, _MIN_RANGE_M, _MAX_RANGE_M))


def _heading(box: Float[np.ndarray, " 7"], to_pixels: ToPixels) -> list[list[int]]:
    """Line from the middle of a box to a point a little ahead of its front."""
    along = (box[2] / 2 + 0.6) * np.array([math.cos(box[6]), -math.sin(box[6])])
    return to_pixels(np.stack([box[[3, 5]], box[[3, 5]] + along]))


def _outline(
    drawn: np.ndarray, corners: list[list[int]], heading: list[list[int]], color: Rgb, thickness: int
) -> None:
    cv2.polylines(drawn, [np.array(corners)], True, color, thickness, cv2.LINE_AA, _BITS)
    cv2.line(drawn, heading[0], heading[1], color, thickness, cv2.LINE_AA, _BITS)


def _with_distances(drawn: np.ndarray, origin: np.ndarray, px_per_m: float, range_m: float) -> np.ndarray:
    """The view with the distance of each ring in metres."""
    canvas = Image.fromarray(drawn)
    draw = ImageDraw.Draw(canvas)
    _, font_file = printable("0 m")
    font = load_font(font_file, int(np.clip(drawn.shape[0] // 32, 9, 22)))
    for ring_m in range(10, int(range_m) + 1, 10):
        x, y = origin - np.array([0, ring_m * px_per_m])
        draw.text((x + 3, y + 1), f"{ring_m} m", font=font, fill=_INK)
    return np.array(canvas)
