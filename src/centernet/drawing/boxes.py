"""Boxes with texts drawn on an image, by supervision."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from centernet.drawing.colors import class_color, text_color
from centernet.drawing.contact_sheet import fit
from centernet.drawing.fonts import load_font, printable_lines

if TYPE_CHECKING:
    import supervision

_CROWD = 20
"""Number of boxes from which lines are thin and texts are small."""

_MAX_TEXT, _MAX_TEXT_IN_CROWD = 0.25, 0.1
"""Maximum fraction of the image that texts cover; beyond it they would hide the objects and are not drawn."""


def draw_boxes(
    image: UInt8[np.ndarray, "h w 3"],
    boxes: Float[np.ndarray, "n 4"],
    texts: Sequence[str],
    labels: Int[np.ndarray, " n"],
    *,
    long_side: int | None = None,
    outlined: Bool[np.ndarray, " n"] | None = None,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """A copy of the image with boxes and texts in the colours of their classes.

    The size of lines and letters depends on that of the image. With many boxes lines are thin, and texts are
    small or, if they would still hide the image or not fit into it, left out.

    Args:
        image: RGB.
        boxes: `(x1, y1, x2, y2)`, image pixels; those that are not finite are not drawn.
        texts: Text of each box; an empty one draws nothing.
        labels: Class of each box, which gives its colour.
        long_side: Longer side to which the image is scaled before it is drawn on, so that texts are readable
            at the size at which it will be displayed; None keeps its size.
        outlined: True for boxes of which lines are drawn, not texts alone; None: all.
    """
    resized = image if long_side is None else fit(image, long_side)
    scale = np.array(resized.shape[1::-1]) / np.array(image.shape[1::-1])
    is_drawn = np.isfinite(boxes).all(axis=1)
    corners = _outermost_pixels(boxes[is_drawn] * np.tile(scale, 2), resized.shape[:2])
    drawn_texts = [text for text, keep in zip(texts, is_drawn, strict=True) if keep]
    if not len(corners):
        return resized.copy()
    pixels = cv2.cvtColor(resized, cv2.COLOR_RGB2RGBA)
    has_line = np.ones(len(corners), dtype=bool) if outlined is None else outlined[is_drawn]
    _draw_outlines(pixels, corners[has_line], labels[is_drawn][has_line])
    _draw_texts(_canvas(pixels), corners, drawn_texts, labels[is_drawn])
    return cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB)


def _canvas(pixels: UInt8[np.ndarray, "h w 4"]) -> Image.Image:
    """An image whose pixels are those of the array, so that whole images need not be converted and back."""
    canvas = Image.frombuffer("RGBX", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
    canvas.readonly = 0  # Pillow would draw on a copy.
    return canvas


def _outermost_pixels(boxes: Float[np.ndarray, "n 4"], size: tuple[int, ...]) -> Int[np.ndarray, "n 4"]:
    """The first and last columns and rows inside each box, clipped to the image."""
    limits = np.array([size[1], size[0], size[1], size[0]]) - 1
    corners = np.rint(np.clip(boxes, -1, limits + 2)).astype(np.int64)
    corners[:, 2:] = np.maximum(corners[:, 2:] - 1, corners[:, :2])
    return np.clip(corners, 0, limits)


def _draw_outlines(
    pixels: UInt8[np.ndarray, "h w 4"], corners: Int[np.ndarray, "n 4"], labels: Int[np.ndarray, " n"]
) -> None:
    if not len(corners):
        return
    import supervision

    thickness = 1 if len(corners) >= _CROWD else max(1, round(min(pixels.shape[:2]) / 300))
    # On arrays colours are drawn as BGR.
    colors = [
        supervision.Color(*color.as_bgr()) for color in _palette(int(labels.max()) + 1, is_text=False).colors
    ]
    annotator = supervision.BoxAnnotator(color=supervision.ColorPalette(colors), thickness=thickness)
    annotator.annotate(pixels, _detections(corners, labels))


def _draw_texts(
    canvas: Image.Image, corners: Int[np.ndarray, "n 4"], texts: list[str], labels: Int[np.ndarray, " n"]
) -> None:
    has_text = np.array([bool(text.strip()) for text in texts])
    if not has_text.any():
        return
    lines, font = printable_lines([text for text in texts if text.strip()])
    size_px = _letter_size(lines, font, canvas.size)
    if size_px is None:
        return
    annotator = _label_annotator(font, size_px, int(labels.max()) + 1)
    annotator.annotate(canvas, _detections(corners[has_text], labels[has_text]), labels=lines)


@lru_cache(maxsize=16)
def _label_annotator(font: Path, size_px: int, classes: int) -> "supervision.RichLabelAnnotator":
    """An annotator for so many classes; frames of a video share one, which has read the font."""
    import supervision

    return supervision.RichLabelAnnotator(
        color=_palette(classes, is_text=False),
        text_color=_palette(classes, is_text=True),
        font_path=str(font),
        font_size=size_px,
        text_padding=max(1, size_px // 5),
        smart_position=True,
    )


def _letter_size(texts: list[str], font: Path, canvas_size: tuple[int, int]) -> int | None:
    """Largest font size, in pixels, at which texts leave enough of the image free; None if there is none."""
    fraction = _MAX_TEXT if len(texts) < _CROWD else _MAX_TEXT_IN_CROWD
    usual = min(max(10, round(min(canvas_size) / 32)), 40)
    for size_px in range(usual, 7, -1):
        loaded = load_font(font, size_px)
        widths = [loaded.getlength(text) + size_px // 2 for text in texts]
        area = sum(widths) * size_px * 1.4
        if max(widths) <= canvas_size[0] and area <= fraction * canvas_size[0] * canvas_size[1]:
            return size_px
    return None


def _detections(corners: Int[np.ndarray, "n 4"], labels: Int[np.ndarray, " n"]) -> "supervision.Detections":
    import supervision

    return supervision.Detections(xyxy=corners.astype(np.float32), class_id=labels.astype(int))


def _palette(classes: int, *, is_text: bool) -> "supervision.ColorPalette":
    import supervision

    colors = [class_color(label) for label in range(classes)]
    if is_text:
        colors = [text_color(color) for color in colors]
    return supervision.ColorPalette([supervision.Color(*color) for color in colors])
