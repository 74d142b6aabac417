"""Headers of image files: size, orientation and format, read without decoding pixels."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from PIL import Image

from centernet.io.tiff_tags import File, read_tags

_FILTERS = Lock()
"""Warning filters belong to the whole process: threads change them one at a time."""

_ORIENTATION = 0x0112
_FRAMES = "it has several frames, and the first is taken"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_STRAY = 65_536
"""Bytes between segments of a JPEG at most: a longer gap is no JPEG, and looking through it takes long."""

_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, kw_only=True)
class Header:
    """Properties of an image known before it is decoded.

    Attributes:
        stored_size: Rows and columns of the pixels as stored in the file.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        is_ordinary: Grey, RGB, RGBA or palette in a JPEG or PNG: OpenCV reads those, Pillow the rest.
        pixels_start: First byte of the compressed pixels, where that is known.
        end_marker: Bytes that end the pixels of a complete file; empty where the format has none.
        unread: What is in the file besides the image that is read, such as further pages; empty if nothing.
    """

    stored_size: tuple[int, int]
    orientation: int = 1
    is_ordinary: bool = False
    pixels_start: int = 0
    end_marker: bytes = b""
    unread: str = ""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Rows and columns after applying the EXIF orientation, as in a viewer."""
        rows, columns = self.stored_size
        return (columns, rows) if self.orientation >= 5 else (rows, columns)

    def is_upright_for(self, size: tuple[int, int] | None) -> bool:
        """True if annotations that state `size` are of the upright image; False if only stored pixels fit."""
        return size != self.stored_size or size == self.upright_size


def read_header(file: File) -> Header:
    """The header of an open image file.

    Raises:
        ValueError: This is not an image, or its header is broken.
    """
    start = file.read(8)
    if not start:
        raise ValueError("the file is empty")
    try:
        if start[:2] == b"\xff\xd8":
            file.seek(2)
            return _jpeg_header(file)
        if start == b"\x89PNG\r\n\x1a\n":
            return _png_header(file)
        file.seek(0)
        return _other_header(file)
    except (struct.error, IndexError) as error:
        raise ValueError("the file ends inside its header") from error


def _jpeg_header(file: File) -> Header:
    """Walk the segments up to the pixels: ISO/IEC 10918-1, annex B."""
    size, components, bits, orientation = None, 0, 0, 1
    while True:
        marker = _next_marker(file)
        if marker in _JPEG_WITHOUT_LENGTH:
            continue
        if marker == 0xD9:
            raise ValueError("a JPEG without pixels")
        (length,) = struct.unpack(">H", file.read(2))
        if marker == 0xDA:
            break
        body = file.read(length - 2) if length > 2 else b""
        if marker in _JPEG_FRAMES:
            bits, rows, columns, components = struct.unpack(">BHHB", body[:6])
            size = (rows, columns)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(body[6:])
    if size is None or 0 in size:
        raise ValueError("a JPEG that does not state its size")
    return Header(
        stored_size=size,
        orientation=orientation,
        is_ordinary=bits == 8 and components in (1, 3),
        pixels_start=file.tell(),
        end_marker=b"\xff\xd9",
    )


def jpeg_header_in(data: bytes) -> Header | None:
    """The header of a JPEG by the first bytes of its file, read in few steps; None where they do not tell."""
    if data[:2] != b"\xff\xd8":
        return None
    place, size, components, bits, orientation = 2, None, 0, 0, 1
    while place + 10 <= len(data):
        marker, length = data[place + 1], data[place + 2] << 8 | data[place + 3]
        is_usual = data[place] == 0xFF and length >= 2 and 0xC0 <= marker <= 0xFE
        if not is_usual or marker in _JPEG_WITHOUT_LENGTH or marker == 0xD9:
            return None
        body, place = place + 4, place + 2 + length
        if marker == 0xDA:
            if size is None or 0 in size:
                return None
            is_ordinary = bits == 8 and components in (1, 3)
            return Header(
                stored_size=size,
                orientation=orientation,
                is_ordinary=is_ordinary,
                pixels_start=body,
                end_marker=b"\xff\xd9",
            )
        if marker in _JPEG_FRAMES:
            bits, rows, columns, components = struct.unpack_from(">BHHB", data, body)
            size = (rows, columns)
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", body):
            if place > len(data):
                return None
            orientation = _exif_orientation(data[body + 6 : place])
    return None


@contextmanager
def without_warnings(kind: type[Warning]) -> Iterator[None]:
    """Silences a category of warnings, in one thread at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", kind)
        yield


def _next_marker(file: File) -> int:
    # Some writers leave stray bytes between segments, and any number of 0xFF may stand before a marker.
    stray = file.read(1)[0] != 0xFF
    for _ in range(_MAX_STRAY):
        byte = file.read(1)[0]
        if not stray and byte != 0xFF:
            return byte
        stray = stray and byte != 0xFF
    raise ValueError(f"a JPEG with more than {_MAX_STRAY} bytes between its segments")


def _exif_orientation(tiff: bytes) -> int:
    """The tag in the first directory of an EXIF block: TIFF 6.0, section 2. 1 where the block is broken."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "<")
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if value in range(1, 9) else 1
    except struct.error:
        pass  # The pixels may be fine; viewers ignore a broken block too.
    return 1


def _png_header(file: File) -> Header:
    """The first chunk, IHDR: ISO/IEC 15948, 11.2.2; and EXIF where it comes before the pixels."""
    length, kind, columns, rows = struct.unpack(">I4sII", file.read(16))
    if kind != b"IHDR" or 0 in (rows, columns):
        raise ValueError("a PNG that does not state its size")
    file.seek(length - 8 + 4, io.SEEK_CUR)
    orientation, unread = 1, ""
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            break
        if kind == b"acTL":  # https://wiki.mozilla.org/APNG_Specification
            unread = _FRAMES
        if kind == b"eXIf":
            orientation = _exif_orientation(file.read(length))
            length = 0
        file.seek(length + 4, io.SEEK_CUR)
    return Header(
        stored_size=(rows, columns),
        orientation=orientation,
        is_ordinary=True,
        pixels_start=file.tell(),
        end_marker=b"IEND",
        unread=unread,
    )


def _other_header(file: File) -> Header:
    tags = read_tags(file)
    if tags and tags.has_too_many_bands:
        raise ValueError(tags.refusal)
    unread = tags.unread if tags else ""
    try:
        file.seek(0)
        # Pillow warns of many pixels; the caller has a limit and a message of its own.
        with without_warnings(Image.DecompressionBombWarning), Image.open(file) as image:
            columns, rows = image.size
            # Pillow turns the pixels of a TIFF itself.
            orientation = 1 if image.format == "TIFF" else image.getexif().get(_ORIENTATION, 1)
            if image.format in ("GIF", "WEBP") and getattr(image, "is_animated", False):
                unread = _FRAMES
    except Image.DecompressionBombError as error:
        raise ValueError("it has far too many pixels") from error
    except Exception as error:
        # Pillow's plugins raise exceptions of any type on broken files.
        other = "it is not an image, or of a format that Pillow cannot read"
        raise ValueError(tags.refusal if tags else other) from error
    orientation = orientation if orientation in range(1, 9) else 1
    return Header(stored_size=(rows, columns), orientation=orientation, unread=unread)
