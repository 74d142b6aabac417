"""Skeletons drawn on an image: a dot for each keypoint, and lines that join them."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.drawing.colors import Rgb
from centernet.structures import Skeleton

# Blue and orange are distinct for the colour-blind too, and visible on most photographs.
LEFT: Rgb = (40, 150, 255)
RIGHT: Rgb = (255, 145, 20)
MIDDLE: Rgb = (245, 245, 245)
_RIM: Rgb = (20, 20, 20)

_FRACTION_BITS = 4
"""OpenCV draws at sixteenths of a pixel."""
_FURTHEST_PX = 30000
"""Limit to which pixels further away are clipped: OpenCV has 32-bit coordinates."""
_RADIUS = 4


def draw_keypoints(
    image: UInt8[np.ndarray, "h w 3"],
    keypoints: Float[np.ndarray, "n k 3"],
    skeletons: Sequence[Skeleton | None],
    *,
    image_size: tuple[int, int] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the image with the skeletons of objects.

    Left keypoints are blue, right ones orange, others white; in a skeleton without left-right pairs each
    keypoint has a different colour. The size of dots and lines depends on that of the object and the image.

    Args:
        image: RGB.
        keypoints: `(x, y, visibility)`, image pixels. Visibility as in COCO: 0 is not drawn, 1 (hidden, or
            not confident) is a ring with thin lines, 2 is a dot. Keypoints that are not finite are not drawn.
        skeletons: Skeleton of each object; None for one without keypoints.
        image_size: Rows and columns of the image whose pixels the keypoints are in, if `image` is scaled.
    """
    drawn = image.copy()
    rows, columns = image_size or image.shape[:2]
    scale = np.array(drawn.shape[1::-1]) / np.array([columns, rows])
    # The middle of the first pixel is (0, 0), its corner (-0.5, -0.5).
    pixels = (keypoints[..., :2].astype(np.float64) + 0.5) * scale - 0.5
    is_drawn = np.isfinite(pixels).all(axis=-1) & (keypoints[..., 2] > 0)
    is_visible = keypoints[..., 2] >= 2
    pixels = np.clip(np.where(is_drawn[..., None], pixels, 0), -_FURTHEST_PX, _FURTHEST_PX)
    # The first object is the most confident one: it is drawn last.
    for number in reversed(range(len(keypoints))):
        skeleton = skeletons[number]
        if skeleton and is_drawn[number, : len(skeleton)].any():
            count = len(skeleton)
            _draw(
                drawn, pixels[number, :count], is_drawn[number, :count], is_visible[number, :count], skeleton
            )
    return drawn


def keypoint_colors(skeleton: Skeleton) -> list[Rgb]:
    """RGB of each keypoint: by its side, or all different in a skeleton without left-right pairs."""
    count = len(skeleton)
    if not skeleton.pairs:
        hues = [colorsys.hsv_to_rgb(number / count, 0.8, 1.0) for number in range(count)]
        return [(round(red * 255), round(green * 255), round(blue * 255)) for red, green, blue in hues]
    colors = [MIDDLE] * count
    for left, right in skeleton.pairs:
        colors[left], colors[right] = LEFT, RIGHT
    return colors


def _draw(
    drawn: np.ndarray, pixels: np.ndarray, is_drawn: np.ndarray, is_visible: np.ndarray, skeleton: Skeleton
) -> None:
    colors = keypoint_colors(skeleton)
    extent = np.ptp(pixels[is_drawn], axis=0).max()
    usual = max(1, round(min(drawn.shape[:2]) / 220))
    # A single dot has no extent; large dots would hide a small object.
    thickness = int(np.clip(round(extent / 60), 1, usual)) if is_drawn.sum() > 1 else usual
    fixed = np.rint(pixels * 2**_FRACTION_BITS).astype(int).tolist()
    for start, end in skeleton.edges:
        if is_drawn[start] and is_drawn[end]:
            width = thickness if is_visible[start] and is_visible[end] else max(1, thickness // 2)
            color = _edge_color(colors[start], colors[end])
            cv2.line(drawn, fixed[start], fixed[end], color, width, cv2.LINE_AA, _FRACTION_BITS)
    radius = thickness + 1
    for number in np.flatnonzero(is_drawn).tolist():
        if is_visible[number]:
            _circle(drawn, fixed[number], radius + 1, _RIM, cv2.FILLED)
            _circle(drawn, fixed[number], radius, colors[number], cv2.FILLED)
        else:
            _circle(drawn, fixed[number], radius + 1, colors[number], 1)


def _circle(drawn: np.ndarray, center: list[int], radius: int, color: Rgb, thickness: int) -> None:
    cv2.circle(drawn, center, radius << _FRACTION_BITS, color, thickness, cv2.LINE_AA, _FRACTION_BITS)


def _edge_color(start: Rgb, end: Rgb) -> Rgb:
    """RGB of a line: that of its side; a line from left to right has none."""
    if {start, end} == {LEFT, RIGHT}:
        return MIDDLE
    return end if start == MIDDLE else start


def draw_dots(
    image: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "n 2"], color: tuple[int, int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the image with a dot in a white ring at each point.

    Args:
        image: RGB.
        points: `(x, y)`, image pixels.
        color: RGB, 0 to 255.
    """
    marked = image.copy()
    for point in points:
        middle = (round(float(point[0])), round(float(point[1])))
        cv2.circle(marked, middle, _RADIUS + 1, (255, 255, 255), cv2.FILLED)
        cv2.circle(marked, middle, _RADIUS, color, cv2.FILLED)
    return marked
