"""Transforms without rotation as a crop and a resize in whole pixels, in half the time of a warp.

A resize maps the outer edges of its pixels, half a pixel beyond their middles, so a crop of whole pixels has
an exact matrix: boxes stay where the pixels are. Images reduced to half or less are averaged over blocks
first, since a bilinear warp skips pixels there.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from centernet.geometry.affine import Matrix
from centernet.geometry.resize import Size

MAX_CHANGE = 0.01
"""Largest relative change of a scale by rounding to whole pixels: tiny images are warped instead."""

_SWAP = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Exchanges x and y."""


@dataclass(frozen=True, kw_only=True)
class CropResize:
    """A crop of an image, resized into a part of the input; the rest of the input is black.

    Attributes:
        rows: The rows of the image and of the input before the transposition.
        columns: The columns likewise.
        transposed: Exchange rows and columns at the end, as a quarter turn does.
        input_size: Rows and columns of the input.
    """

    rows: "Span"
    columns: "Span"
    transposed: bool
    input_size: Size

    @property
    def input_from_image(self) -> Matrix:
        """The exact transform of pixels."""
        x, y = self.columns, self.rows
        matrix = np.array([[x.scale, 0.0, x.shift], [0.0, y.scale, y.shift], [0.0, 0.0, 1.0]])
        return _SWAP @ matrix if self.transposed else matrix

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The input."""
        rows, columns = self.rows, self.columns
        part = image[rows.slice_of_image, columns.slice_of_image]
        if rows.block > 1 or columns.block > 1:
            blocks = (part.shape[1] // columns.block, part.shape[0] // rows.block)
            part = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
        part = cv2.resize(part, (columns.last - columns.first, rows.last - rows.first))
        if rows.flipped or columns.flipped:
            part = cv2.flip(part, -1 if rows.flipped and columns.flipped else int(columns.flipped))
        if self.transposed:
            part, rows, columns = cv2.transpose(part), columns, rows
        if part.shape[:2] == self.input_size:
            return part
        inputs = np.zeros((*self.input_size, 3), dtype=np.uint8)
        inputs[rows.first : rows.last, columns.first : columns.last] = part
        return inputs


@dataclass(frozen=True, kw_only=True)
class Span:
    """Pixels of the image along one axis, and those of the input that show them.

    Attributes:
        length: Pixels of the image.
        start: First pixel of the crop, counted from the other end if flipped.
        stop: Pixel behind the last one of the crop, likewise.
        first: First pixel of the input.
        last: Pixel behind the last one of the input.
        block: Pixels that are averaged before the resize.
        flipped: The order of the pixels is reversed.
    """

    length: int
    start: int
    stop: int
    first: int
    last: int
    block: int
    flipped: bool

    @property
    def scale(self) -> float:
        """Input pixels for each pixel of the image; negative if flipped."""
        size = (self.last - self.first) / (self.stop - self.start)
        return -size if self.flipped else size

    @property
    def shift(self) -> float:
        """The place of the middle of the image's first pixel."""
        start = self.length - self.start if self.flipped else self.start
        return self.first - 0.5 - self.scale * (start - 0.5)

    @property
    def slice_of_image(self) -> slice:
        """The pixels of the crop."""
        if self.flipped:
            return slice(self.length - self.stop, self.length - self.start)
        return slice(self.start, self.stop)


def crop_resize(input_from_image: Matrix, image_size: Size, input_size: Size) -> CropResize | None:
    """The crop and resize in whole pixels nearest to a transform.

    None if the transform rotates by other than quarter turns, shows nothing of the image, or shows so little
    that whole pixels would change its scale by more than `MAX_CHANGE`.

    Args:
        input_from_image: The transform.
        image_size: Rows and columns of the image.
        input_size: Rows and columns of the input.
    """
    transposed = bool(abs(input_from_image[0, 0]) < abs(input_from_image[0, 1]))
    matrix = _SWAP @ input_from_image if transposed else input_from_image
    if max(abs(matrix[0, 1]), abs(matrix[1, 0])) > 1e-9:
        return None
    height, width = input_size[::-1] if transposed else input_size
    rows = _span(float(matrix[1, 1]), float(matrix[1, 2]), image_size[0], height)
    columns = _span(float(matrix[0, 0]), float(matrix[0, 2]), image_size[1], width)
    if rows is None or columns is None:
        return None
    return CropResize(rows=rows, columns=columns, transposed=transposed, input_size=input_size)


def _span(scale: float, shift: float, length: int, extent: int) -> Span | None:
    """The span along an axis of `length` image pixels and `extent` input pixels; None if there is none."""
    flipped, size = scale < 0, abs(scale)
    if flipped:
        shift += scale * (length - 1)
    block = max(1, math.floor(1 / size + 1e-9))

    def place(edge: int) -> float:
        return size * (edge - 0.5) + shift + 0.5

    # The edges of the input in the image.
    low, high = (0.5 + (edge - 0.5 - shift) / size for edge in (0, extent))
    start = round(max(0.0, low) / block) * block
    stop = start + round((min(high, length) - start) / block) * block
    if stop > length:
        stop -= block
    first = 0 if low >= 0 else round(place(start))
    last = extent if high <= length else min(extent, round(place(stop)))
    if stop <= start or last <= first or abs((last - first) / (stop - start) / size - 1) > MAX_CHANGE:
        return None
    return Span(length=length, start=start, stop=stop, first=first, last=last, block=block, flipped=flipped)
