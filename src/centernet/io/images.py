"""Image files of any pixel format to 8-bit RGB arrays.

The EXIF orientation is applied, as in any viewer, unless the annotations were made on the stored pixels: pass
the `size` that they state, and the orientation that fits it is used.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from centernet.errors import InputError
from centernet.io.image_headers import Header, jpeg_header_in, read_header, without_warnings
from centernet.io.plain_files import check_plain, read_plain
from centernet.io.tiff_tags import TiffTags, read_tags

Rgb = UInt8[np.ndarray, "h w 3"]


PIXEL_LIMIT = 178_956_970
"""Twice what Pillow warns at: 512 MiB of RGB."""


_FIRST_BYTES = 8192
"""Most JPEGs have their headers in so many bytes."""

_OPENCV_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def inspect_image(path: Path, pixel_limit: int = PIXEL_LIMIT) -> Header:
    """The header of an image file, with the checks of `read_image` that need no decoding.

    Corrupt bytes amid the pixels are not found.

    Raises:
        InputError: The file is missing, no image, cut short or too large.
    """
    check_plain(path)
    try:
        with path.open("rb", buffering=0) as unbuffered:
            quick = jpeg_header_in(unbuffered.read(_FIRST_BYTES))
            if quick is not None:
                _check_pixels(quick, pixel_limit)
                end = unbuffered.seek(0, io.SEEK_END)
                unbuffered.seek(max(quick.pixels_start, end - 64))
                if quick.end_marker in unbuffered.read(64):
                    return quick
        with path.open("rb") as file:
            header = read_header(file)
            _check_pixels(header, pixel_limit)
            # Most files end with the marker; some have other data behind it.
            end = file.seek(0, io.SEEK_END)
            file.seek(max(header.pixels_start, end - 64))
            if header.end_marker not in file.read():
                file.seek(header.pixels_start)
                _check_end(header, file.read())
            return header
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not a readable image: {error}") from error


def unread_parts(path: Path) -> str:
    """What an image file holds besides the image that is read: further pages, frames or bands; empty if none.

    Files of the usual formats are not opened.
    """
    if path.suffix.lower() not in (".tif", ".tiff", ".gif", ".webp"):
        return ""
    try:
        return inspect_image(path).unread
    except InputError:
        return ""  # The error is reported when the image is read.


def image_size(path: Path) -> tuple[int, int]:
    """Rows and columns of the image that `read_image` returns, without decoding it.

    Raises:
        InputError: As for `inspect_image`.
    """
    return inspect_image(path).upright_size


def read_image(path: Path, size: tuple[int, int] | None = None, pixel_limit: int = PIXEL_LIMIT) -> Rgb:
    """The image in a file, as 8-bit RGB. Transparency is dropped, 16 bits are scaled to 8.

    Args:
        path: The file.
        size: Rows and columns that the annotations state. Where only the stored pixels fit them, the EXIF
            orientation is not applied.
        pixel_limit: Refuse to decode more pixels than this: a small file can hold a huge image.

    Raises:
        InputError: The file is missing, no image, cut short, broken or too large.
    """
    data = read_plain(path)
    try:
        return decode_image(data, size, pixel_limit)
    except ValueError as error:
        raise InputError(f"{path} is not a readable image: {error}") from error


def decode_image(data: bytes, size: tuple[int, int] | None = None, pixel_limit: int = PIXEL_LIMIT) -> Rgb:
    """The image in the bytes of a file; see `read_image`.

    Raises:
        ValueError: The bytes are no image, cut short, broken or hold too many pixels.
    """
    header = read_header(io.BytesIO(data))
    _check_pixels(header, pixel_limit)
    _check_end(header, data[header.pixels_start :])
    image = _decode_ordinary(data) if header.is_ordinary else None
    if image is None:
        image = _decode_any(data)
    return _turn_upright(image, header.orientation) if header.is_upright_for(size) else image


def _check_pixels(header: Header, limit: int) -> None:
    rows, columns = header.stored_size
    if rows * columns > limit:
        raise ValueError(f"{columns}×{rows} pixels are more than the limit of {limit:,}")


def _check_end(header: Header, pixels: bytes) -> None:
    """OpenCV 4 silently fills in missing pixels."""
    if header.end_marker not in pixels:
        raise ValueError("the file is cut short")


def _decode_ordinary(data: bytes) -> Rgb | None:
    try:
        return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), _OPENCV_FLAGS)
    except cv2.error:
        return None


def _decode_any(data: bytes) -> Rgb:
    try:
        # The number of pixels was checked; Pillow's other warnings are about tags.
        with without_warnings(Warning), Image.open(io.BytesIO(data)) as image:
            image.load()
            tags = read_tags(io.BytesIO(data)) if image.format == "TIFF" else None
            return to_rgb(image) if tags is None else _tiff_to_rgb(image, tags)
    except Exception as error:
        # Pillow's plugins raise exceptions of any type on broken files.
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def to_rgb(image: Image.Image) -> Rgb:
    """The pixels of a Pillow image as 8-bit RGB.

    Raises:
        ValueError: Pixels of unknown range.
    """
    if _is_wide(image):
        return _grey_to_rgb(np.asarray(image))
    if image.mode == "P":
        # Transparent entries keep their colour.
        colors = np.zeros((256, 3), np.uint8)
        palette = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
        colors[: len(palette)] = palette
        return _looked_up(colors, np.asarray(image))
    # Converted by way of RGBA, transparent pixels keep their colour.
    opaque = image.convert("RGBA") if image.mode in ("PA", "LA") else image
    return np.array(opaque.convert("RGB"))


def _is_wide(image: Image.Image) -> bool:
    """True for grey levels of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _grey_to_rgb(values: np.ndarray, largest: int = 65535, is_white_zero: bool = False) -> Rgb:
    if values.dtype.kind == "f":
        raise ValueError(
            "floats as pixels have no known range: scale them to 0 to 255 and save the image with 8 bits"
        )
    if values.min() < 0:
        raise ValueError(
            f"it has pixels below 0, the least is {values.min()}: scale them to 0 to 255 and save the image "
            "with 8 bits"
        )
    if values.max() > largest:
        raise ValueError("32-bit pixels have no known range: save the image with 8 or 16 bits")
    levels = np.arange(largest + 1)
    if is_white_zero:
        levels = levels[::-1]
    grey = np.round(levels / (largest / 255)).astype(np.uint8)
    return _looked_up(np.repeat(grey[:, None], 3, axis=1), values)


def _looked_up(colors: UInt8[np.ndarray, "n 3"], numbers: np.ndarray) -> Rgb:
    """The colours of numbers `(h w)`. Rows at a time: numpy makes 8 bytes of each number of an index."""
    image = np.empty((*numbers.shape, 3), np.uint8)
    for first in range(0, len(numbers), 64):
        image[first : first + 64] = colors[numbers[first : first + 64]]
    return image


def _tiff_to_rgb(image: Image.Image, tags: TiffTags) -> Rgb:
    """As `to_rgb`, with what Pillow leaves to its caller: white is zero, signs, and levels of 12 bits."""
    if not _is_wide(image) and not (image.mode == "L" and tags.is_signed):
        return to_rgb(image)
    values = np.asarray(image)
    if image.mode == "L":
        values = values.view(np.int8)
    largest = 2**tags.bits - 1 if tags.bits in (10, 12, 14) else 255 if tags.bits == 8 else 65535
    is_white_zero = tags.is_white_zero and not (tags.is_signed or tags.is_fraction) and tags.bits <= 16
    return _grey_to_rgb(values, largest, is_white_zero)


def _turn_upright(image: Rgb, orientation: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Applies an EXIF orientation: 2 to 4 flip or rotate by 180 degrees, 5 to 8 also transpose."""
    if orientation == 1:
        return image
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def stack_images(images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "b 3 h w"]:
    """Images as one array, contiguous; smaller ones are padded as by `pad_images`."""
    return np.ascontiguousarray(pad_images(images).transpose(0, 3, 1, 2))


def pad_images(images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "b h w 3"]:
    """Images as one array; smaller ones are padded with black on the right and at the bottom."""
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    if all(image.shape[:2] == (height, width) for image in images):
        return np.stack(images)
    array = np.zeros((len(images), height, width, 3), dtype=np.uint8)
    for row, image in zip(array, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return array


IMAGE_SUFFIXES = frozenset(
    (
        *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm"),
        *(".ppm", ".tif", ".tiff", ".webp"),
    )
)


def is_image(path: Path) -> bool:
    """True if the suffix of a file, in either case, is that of an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
