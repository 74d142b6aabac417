"""Affine transforms between the three frames: image (the file's pixels), input (the network's), map (cells).

The middle of the top-left pixel is (0, 0), coordinates are continuous, and nothing shifts by half a pixel.
Matrices are named `to_from_from`, such as `input_from_image`, so that neighbours in a product must match.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Matrix = Float[np.ndarray, "3 3"]


def identity() -> Matrix:
    """The transform that moves nothing."""
    return np.eye(3)


def scaling(factor: float) -> Matrix:
    """Scale about the origin."""
    return np.diag([factor, factor, 1.0])


def translation(x: float, y: float) -> Matrix:
    """Shift by `(x, y)`."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def rotation(angle_rad: float) -> Matrix:
    """Rotate about the origin; positive angles turn x towards y, clockwise on a screen."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def horizontal_flip(width: int) -> Matrix:
    """Horizontal flip of an image of `width` pixels: pixel x becomes pixel `width - 1 - x`."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def crop_to_input(
    center: tuple[float, float], side: float, input_size: tuple[int, int], angle_rad: float = 0.0
) -> Matrix:
    """The similarity transform from a window of `side` pixels round `center` to the width of the input.

    `center` lands on `(width / 2, height / 2)` and the scale is `width / side` in both directions, as in the
    released code of Objects as Points; the paper does not define it.

    Args:
        center: Middle of the window, image pixels `(x, y)`.
        side: Width of the window, image pixels.
        input_size: Rows and columns of the input.
        angle_rad: Rotation of the window about its middle; positive turns x towards y.
    """
    height, width = input_size
    return (
        translation(width / 2, height / 2)
        @ scaling(width / side)
        @ rotation(-angle_rad)
        @ translation(-center[0], -center[1])
    )


def transform_points(matrix: Matrix, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Points `(x, y)` after an affine transform."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def transform_boxes(matrix: Matrix, boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Axis-aligned bounds of each transformed box `(x1, y1, x2, y2)`; exact if the matrix does not rotate."""
    x, y = boxes[:, [0, 2, 2, 0]], boxes[:, [1, 1, 3, 3]]
    moved_x = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    moved_y = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return np.stack([moved_x.min(1), moved_y.min(1), moved_x.max(1), moved_y.max(1)], axis=1)


def warp_image(
    image: UInt8[np.ndarray, "h w 3"],
    input_from_image: Matrix,
    input_size: tuple[int, int],
    first_scale: float = 1.0,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image warped into the input: bilinear interpolation, black outside.

    Args:
        image: RGB.
        input_from_image: Affine transform of its pixels.
        input_size: Rows and columns of the input.
        first_scale: Resize the image by this factor before the warp does the rest: the two steps of the
            original in multi-scale testing, which give its pixels exactly.
    """
    height, width = input_size
    if first_scale != 1:
        rows, columns = scaled_size((image.shape[0], image.shape[1]), first_scale)
        # OpenCV shifts the image by a fraction of a pixel here, which the original's matrices ignore.
        image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
        input_from_image = input_from_image @ scaling(1 / first_scale)
    return cv2.warpAffine(image, input_from_image[:2], (width, height), flags=cv2.INTER_LINEAR)


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Rows and columns of a scaled image: whole pixels, rounded down, at least one."""
    height, width = size
    return max(1, int(height * scale)), max(1, int(width * scale))
