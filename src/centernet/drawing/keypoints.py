"""Skeletons onto an image: a dot for each keypoint, and lines that join them."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.drawing.colors import Rgb
from centernet.structures import Skeleton

# Blue and orange are told apart by everybody, and on most photographs.
LEFT: Rgb = (40, 150, 255)


RIGHT: Rgb = (255, 145, 20)


MIDDLE: Rgb = (245, 245, 245)


_RIM: Rgb = (20, 20, 20)


_FRACTION_BITS = 4
"""OpenCV draws at sixteenths of a pixel."""


_FURTHEST_PX = 30000
"""Places further away are moved here: OpenCV counts in 32 bits."""


def draw_keypoints(
    image: UInt8[np.ndarray, "h w 3"],
    keypoints: Float[np.ndarray, "n k 3"],
    skeletons: Sequence[Skeleton | None],
    *,
    image_size: tuple[int, int] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with skeletons; the image itself stays as it is.

    What is left is blue, what is right is orange, the rest is white; where a skeleton tells no sides, each
    keypoint has a colour of its own. Dots and lines suit the size of the object and of the picture.

    Args:
        image: RGB.
        keypoints: `(x, y, visibility)`, image pixels. Visibility as in COCO: 0 is not drawn, 1 (hidden, or
            unsure) is a ring with thin lines, 2 is a dot. Those that are not finite are not drawn.
        skeletons: Of each object; None for one without keypoints.
        image_size: Rows and columns of the image whose pixels the keypoints are in, where `image` is a scaled
            picture of it.
    """
    picture = image.copy()
    rows, columns = image_size or image.shape[:2]
    scale = np.array(picture.shape[1::-1]) / np.array([columns, rows])
    # The middle of the first pixel is (0, 0), its corner (-0.5, -0.5).
    places = (keypoints[..., :2].astype(np.float64) + 0.5) * scale - 0.5
    is_drawn = np.isfinite(places).all(axis=-1) & (keypoints[..., 2] > 0)
    is_seen = keypoints[..., 2] >= 2
    places = np.clip(np.where(is_drawn[..., None], places, 0), -_FURTHEST_PX, _FURTHEST_PX)
    # The first object is the surest: it lies on top.
    for number in reversed(range(len(keypoints))):
        skeleton = skeletons[number]
        if skeleton and is_drawn[number, : len(skeleton)].any():
            count = len(skeleton)
            _draw(
                picture, places[number, :count], is_drawn[number, :count], is_seen[number, :count], skeleton
            )
    return picture


def keypoint_colors(skeleton: Skeleton) -> list[Rgb]:
    """RGB of each keypoint: by its side, or all different where no sides are known."""
    count = len(skeleton)
    if not skeleton.pairs:
        hues = [colorsys.hsv_to_rgb(number / count, 0.8, 1.0) for number in range(count)]
        return [(round(red * 255), round(green * 255), round(blue * 255)) for red, green, blue in hues]
    colors = [MIDDLE] * count
    for left, right in skeleton.pairs:
        colors[left], colors[right] = LEFT, RIGHT
    return colors


def _draw(
    picture: np.ndarray, places: np.ndarray, is_drawn: np.ndarray, is_seen: np.ndarray, skeleton: Skeleton
) -> None:
    colors = keypoint_colors(skeleton)
    extent = np.ptp(places[is_drawn], axis=0).max()
    usual = max(1, round(min(picture.shape[:2]) / 220))
    # One dot alone has no extent; a small object would drown in large dots.
    thickness = int(np.clip(round(extent / 60), 1, usual)) if is_drawn.sum() > 1 else usual
    fixed = np.rint(places * 2**_FRACTION_BITS).astype(int).tolist()
    for start, end in skeleton.edges:
        if is_drawn[start] and is_drawn[end]:
            width = thickness if is_seen[start] and is_seen[end] else max(1, thickness // 2)
            color = _edge_color(colors[start], colors[end])
            cv2.line(picture, fixed[start], fixed[end], color, width, cv2.LINE_AA, _FRACTION_BITS)
    radius = thickness + 1
    for number in np.flatnonzero(is_drawn).tolist():
        if is_seen[number]:
            _circle(picture, fixed[number], radius + 1, _RIM, cv2.FILLED)
            _circle(picture, fixed[number], radius, colors[number], cv2.FILLED)
        else:
            _circle(picture, fixed[number], radius + 1, colors[number], 1)


def _circle(picture: np.ndarray, place: list[int], radius: int, color: Rgb, thickness: int) -> None:
    cv2.circle(picture, place, radius << _FRACTION_BITS, color, thickness, cv2.LINE_AA, _FRACTION_BITS)


def _edge_color(start: Rgb, end: Rgb) -> Rgb:
    """Of its side; a line from left to right has none."""
    if {start, end} == {LEFT, RIGHT}:
        return MIDDLE
    return end if start == MIDDLE else start


_RADIUS = 4


def draw_dots(
    picture: UInt8[np.ndarray, "h w 3"], places: Float[np.ndarray, "n 2"], color: tuple[int, int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with a dot in a white ring at each place; the picture itself stays as it is.

    Args:
        picture: RGB.
        places: `(x, y)`, pixels of the picture.
        color: RGB, 0 to 255.
    """
    marked = picture.copy()
    for place in places:
        middle = (round(float(place[0])), round(float(place[1])))
        cv2.circle(marked, middle, _RADIUS + 1, (255, 255, 255), cv2.FILLED)
        cv2.circle(marked, middle, _RADIUS, color, cv2.FILLED)
    return marked
