"""Contact sheets: many images on one, and tiles with a message in place of an image."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from centernet.drawing.colors import Rgb
from centernet.drawing.fonts import load_font, printable, shorten, wrap

_GAP_PX = 8
_PAPER: Rgb = (24, 26, 30)
_INK: Rgb = (225, 228, 232)
_BLANK: Rgb = (96, 98, 102)


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    captions: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    tile: int = 320,
) -> UInt8[np.ndarray, "h w 3"]:
    """Images of any sizes in rows and columns, each scaled to fit into a square.

    Args:
        images: RGB.
        captions: A line under each image; only the end of too long ones is written.
        columns: Number of images in a row; None: as many as make the sheet nearly square.
        tile: Side of the square, pixels.
    """
    columns = max(1, min(columns or math.ceil(math.sqrt(len(images))), len(images)))
    rows = [list(range(start, min(start + columns, len(images)))) for start in range(0, len(images), columns)]
    tiles = [fit(image, tile) for image in images]
    line = _line_height(tile) if captions is not None else 0
    # A row is as high as its highest image: wide images leave no empty bands.
    heights = [max(tiles[index].shape[0] for index in row) + line + _GAP_PX for row in rows]
    width = columns * (tile + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, sum(heights) + _GAP_PX), _PAPER)
    top = _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, index in enumerate(row):
            left = column * (tile + _GAP_PX) + _GAP_PX
            image = tiles[index]
            sheet.paste(Image.fromarray(image), (left + (tile - image.shape[1]) // 2, top))
            if captions is not None:
                _write_line(sheet, captions[index], (left, top + height - line - _GAP_PX), tile)
        top += height
    return np.array(sheet)


def message_tile(message: str, *, tile: int = 320) -> UInt8[np.ndarray, "{tile} {tile} 3"]:
    """A grey square with a message, in place of an image that cannot be read."""
    text, font_file = printable(message)
    font = load_font(font_file, _letter_height(tile))
    margin = tile // 16
    lines = wrap(text, font, tile - 2 * margin)
    step = _line_height(tile)
    canvas = Image.new("RGB", (tile, tile), _BLANK)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines[: max(1, (tile - 2 * margin) // step)]):
        draw.text((margin, margin + number * step), line, font=font, fill=_INK)
    return np.array(canvas)


def fit(image: UInt8[np.ndarray, "_ _ 3"], long_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """The image resized to a longer side of `long_side` pixels; nearest-neighbour if enlarged."""
    height, width = image.shape[:2]
    factor = long_side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    interpolation = cv2.INTER_NEAREST if factor > 1 else cv2.INTER_AREA
    return cv2.resize(image, size, interpolation=interpolation)


def _write_line(sheet: Image.Image, caption: str, corner: tuple[int, int], width: int) -> None:
    text, font_file = printable(" ".join(caption.split()))
    font = load_font(font_file, _letter_height(width))
    draw = ImageDraw.Draw(sheet)
    draw.text((corner[0], corner[1] + 2), shorten(text, font, width), font=font, fill=_INK)


def _letter_height(tile: int) -> int:
    return min(max(10, tile // 22), 24)


def _line_height(tile: int) -> int:
    return round(_letter_height(tile) * 1.5)
