"""What a TIFF says of its pixels and pages, in the tags that decide how they are read: TIFF 6.0, section 2.

Pillow reads the pixels; it does not tell pages, bands or signs that it leaves out.
"""

import io
import struct
from dataclasses import dataclass

File = io.BufferedReader | io.BytesIO

_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _FORMAT = 254, 258, 262, 277, 338, 339
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_MOST_ENTRIES, _MOST_READ = 4096, 200_000
"""Entries that are read of a page and of all pages: a small file can name millions."""
_MOST_BANDS = 4
"""Bands that Pillow reads."""


@dataclass(frozen=True, kw_only=True)
class TiffTags:
    """The tags of the first page, and the number of pages.

    Attributes:
        bits: Of each sample.
        samples: Bands of a pixel.
        is_white_zero: Grey levels count down from white.
        is_signed: Samples are whole numbers with a sign.
        is_fraction: Samples are floats.
        has_unknown_band: A band behind colour or grey is not said to be transparency.
        pages: Number of pages, without thumbnails and masks.
    """

    bits: int
    samples: int
    is_white_zero: bool
    is_signed: bool
    is_fraction: bool
    has_unknown_band: bool
    pages: int

    @property
    def unread(self) -> str:
        """What is in the file besides what is read, in a few words; empty if nothing is."""
        parts = []
        if self.pages > 1:
            parts.append(f"it has {self.pages} pages, and the first is taken")
        if self.has_unknown_band:
            kept = "the first three are" if self.samples > 2 else "the first is"
            parts.append(f"it has {self.samples} bands, and {kept} taken")
        return "; ".join(parts)

    @property
    def refusal(self) -> str:
        """Why the pixels cannot be read, and what to do, where Pillow cannot read them."""
        kind = "floats" if self.is_fraction else "numbers with a sign" if self.is_signed else "numbers"
        if self.samples > 1:
            start = f"it has {self.samples} bands of {self.bits}-bit {kind}"
            return f"{start}: save three of them, or one, as an image with 8 bits"
        start = f"its pixels are {self.bits}-bit {kind}"
        return f"{start}: scale them to 0 to 255 and save the image with 8 bits"

    @property
    def has_too_many_bands(self) -> bool:
        """True if Pillow reads no image of so many bands."""
        return self.samples > _MOST_BANDS


def read_tags(file: File) -> TiffTags | None:
    """The tags of an open TIFF; None if the file is no TIFF, or a broken one, which Pillow names."""
    try:
        file.seek(0)
        start = file.read(16)
        order = {b"II": "<", b"MM": ">"}[start[:2]]
        (version,) = struct.unpack_from(f"{order}H", start, 2)
        if version not in (42, 43):
            return None
        is_big = version == 43
        (place,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", start, 8 if is_big else 4)
        pages, num_read, first = 0, 0, None
        seen: set[int] = set()
        while place and place not in seen and num_read < _MOST_READ:
            seen.add(place)
            tags, count, place = _directory(file, place, order, is_big)
            num_read += count + 1
            first = tags if first is None else first
            # Bits 0 and 2 of the type of a page: a small copy of another page, a mask.
            pages += not tags.get(_SUBFILE, 0) & 5
    except (KeyError, struct.error, OverflowError, OSError):
        return None
    return None if first is None else _tags_of(first, pages)


def _tags_of(tags: dict[int, int], pages: int) -> TiffTags:
    samples, photometric = tags.get(_SAMPLES, 1), tags.get(_PHOTOMETRIC, 1)
    is_beyond = samples > {0: 1, 1: 1, 2: 3}.get(photometric, samples)
    return TiffTags(
        bits=tags.get(_BITS, 1),
        samples=samples,
        is_white_zero=photometric == 0,
        is_signed=tags.get(_FORMAT, 1) == 2,
        is_fraction=tags.get(_FORMAT, 1) == 3,
        has_unknown_band=is_beyond and tags.get(_EXTRA, 1) == 0,
        pages=pages,
    )


def _directory(file: File, place: int, order: str, is_big: bool) -> tuple[dict[int, int], int, int]:
    """The first value of each tag of a page that is a whole number, the number of entries, the next page."""
    file.seek(place)
    count_size, room = (8, 8) if is_big else (2, 4)
    (count,) = struct.unpack(f"{order}{_CODES[count_size]}", file.read(count_size))
    width = 4 + 2 * room
    entries = file.read(min(count, _MOST_ENTRIES) * width)
    file.seek(place + count_size + count * width)
    rest = file.read(room)
    following = struct.unpack(f"{order}{_CODES[room]}", rest)[0] if len(rest) == room else 0
    tags: dict[int, int] = {}
    for start in range(0, len(entries) - width + 1, width):
        tag, kind, number = struct.unpack_from(f"{order}HH{_CODES[room]}", entries, start)
        size = _SIZES.get(kind)
        if size is None or size > room or not number:
            continue
        value = entries[start + 4 + room : start + width]
        if number * size > room:
            file.seek(struct.unpack(f"{order}{_CODES[room]}", value)[0])
            value = file.read(size)
        tags[tag] = struct.unpack_from(f"{order}{_CODES[size]}", value)[0]
    return tags, len(entries) // width, following
