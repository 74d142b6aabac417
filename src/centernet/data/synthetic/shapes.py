"""Filled polygons: the objects of synthetic images, and the exact pixels they cover."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

# OpenCV takes outlines in sixteenths of a pixel: integers, so every machine fills the same pixels.
SHIFT = 4
MARGIN = 2

_SMALLEST_WITH_RIM = 64
"""Area in pixels of the smallest shape with a rim; smaller ones would be nearly all rim."""

Polygon = Float[np.ndarray, "n 2"]


def _regular(corners: int) -> Polygon:
    turns = np.arange(corners) / corners
    return _ring(turns, np.ones(corners))


def _ring(turns: Float[np.ndarray, " n"], radii: Float[np.ndarray, " n"]) -> Polygon:
    # math, not numpy, whose vectorised sine may differ in the last bit between processors.
    return np.array(
        [
            (radius * math.sin(2 * math.pi * turn), -radius * math.cos(2 * math.pi * turn))
            for turn, radius in zip(turns, radii, strict=True)
        ]
    )


def _star() -> Polygon:
    return _ring(np.arange(10) / 10, np.tile([1.0, 0.45], 5))


def _cross() -> Polygon:
    long, short = 0.95, 0.32
    return np.array([
        (-short, -long), (short, -long), (short, -short), (long, -short), (long, short), (short, short),
        (short, long), (-short, long), (-short, short), (-long, short), (-long, -short), (-short, -short),
    ])  # fmt: skip


def _bar() -> Polygon:
    return np.array([(-1.0, -0.25), (1.0, -0.25), (1.0, 0.25), (-1.0, 0.25)])


OUTLINES: dict[str, Polygon] = {
    "circle": _regular(32),
    "square": _regular(4),
    "triangle": _regular(3),
    "star": _star(),
    "cross": _cross(),
    "bar": _bar(),
}
"""The shapes by name, each as the corners of a polygon of radius 1."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One shape of a scene at its place.

    Attributes:
        polygon: Corners `(x, y)`, image pixels; may lie outside the image.
        label: Index into the scene's shapes.
    """

    polygon: Polygon
    label: int

    @property
    def num_colors(self) -> int:
        """One colour."""
        return 1

    @property
    def keypoints(self) -> Float[np.ndarray, "0 2"]:
        """No keypoints."""
        return np.zeros((0, 2))

    def silhouette(self) -> "Silhouette":
        """The pixels it covers."""
        return Silhouette.of(self.polygon)

    def paint(
        self, image: UInt8[np.ndarray, "h w d"], silhouette: "Silhouette", colors: UInt8[np.ndarray, "1 d"]
    ) -> None:
        """Fill the silhouette's pixels in place, with a darker rim that separates shapes of equal colour."""
        rows, columns, mask = silhouette.inside((image.shape[0], image.shape[1]))
        window = image[rows, columns]
        window[mask] = colors[0]
        if silhouette.mask.sum() >= _SMALLEST_WITH_RIM:
            rim = replace(silhouette, mask=_rim(self.polygon, silhouette))
            window[rim.inside((image.shape[0], image.shape[1]))[2]] = colors[0] // 2


def place(kind: str, center: tuple[float, float], radius: float, angle_rad: float) -> Polygon:
    """The outline rotated by `angle_rad`, with the middle of its bounding box at `center`.

    Args:
        kind: A name of `OUTLINES`.
        center: `(x, y)`, image pixels.
        radius: Distance from the outline's middle to its furthest corner, pixels.
        angle_rad: Positive turns x towards y.
    """
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    rotated = OUTLINES[kind] @ np.array([[cos, sin], [-sin, cos]]) * radius
    return rotated - (rotated.min(0) + rotated.max(0)) / 2 + np.array(center)


def stretch(kind: str, box: tuple[float, float, float, float], angle_rad: float) -> Polygon:
    """The outline rotated by `angle_rad`, then stretched until its bounding box is `box`."""
    rotated = place(kind, (0.0, 0.0), 1.0, angle_rad)
    x1, y1, x2, y2 = box
    scale = np.array([x2 - x1, y2 - y1]) / (rotated.max(0) - rotated.min(0))
    return rotated * scale + np.array([(x1 + x2) / 2, (y1 + y2) / 2])


@dataclass(frozen=True, kw_only=True)
class Silhouette:
    """The pixels that an object covers, also outside the image.

    Attributes:
        mask: True for covered pixels of the window.
        left: Image column of the window's first column.
        top: Image row of the window's first row.
    """

    mask: Bool[np.ndarray, "h w"]
    left: int
    top: int

    @classmethod
    def of(cls, polygon: Polygon) -> "Silhouette":
        """The silhouette of a polygon; includes pixels that its border touches, so never empty."""
        left, top = (math.floor(value) - MARGIN for value in polygon.min(0))
        right, bottom = (math.ceil(value) + MARGIN for value in polygon.max(0))
        canvas = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
        cv2.fillPoly(canvas, [_fixed_point(polygon, left, top)], color=1, shift=SHIFT)
        return cls(mask=canvas.astype(bool), left=left, top=top)

    def inside(self, image_size: tuple[int, int]) -> tuple[slice, slice, Bool[np.ndarray, "h2 w2"]]:
        """Rows and columns of the image under the window, and the covered pixels among them."""
        height, width = image_size
        rows, columns = self.mask.shape
        y1, y2 = (min(max(value, 0), height) for value in (self.top, self.top + rows))
        x1, x2 = (min(max(value, 0), width) for value in (self.left, self.left + columns))
        mask = self.mask[y1 - self.top : y2 - self.top, x1 - self.left : x2 - self.left]
        return slice(y1, y2), slice(x1, x2), mask

    def box(self, image_size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """The tight box `(x1, y1, x2, y2)` of the covered pixels of an image; None where there are none.

        Columns 10 to 19 give `x1 = 10` and `x2 = 20`, as in COCO: sides count pixels.
        """
        rows, columns, mask = self.inside(image_size)
        if not mask.any():
            return None
        covered_rows, covered_columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        return (
            columns.start + int(covered_columns[0]),
            rows.start + int(covered_rows[0]),
            columns.start + int(covered_columns[-1]) + 1,
            rows.start + int(covered_rows[-1]) + 1,
        )


def _rim(polygon: Polygon, silhouette: Silhouette) -> Bool[np.ndarray, "h w"]:
    canvas = np.zeros(silhouette.mask.shape, dtype=np.uint8)
    corners = _fixed_point(polygon, silhouette.left, silhouette.top)
    cv2.polylines(canvas, [corners], isClosed=True, color=1, thickness=1, shift=SHIFT)
    return canvas.astype(bool) & silhouette.mask


def _fixed_point(polygon: Polygon, left: int, top: int) -> np.ndarray:
    return np.round((polygon - np.array([left, top])) * 2**SHIFT).astype(np.int32)
