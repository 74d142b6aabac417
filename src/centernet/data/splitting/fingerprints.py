"""How alike images are: a fingerprint of each, and groups of near-copies, found without comparing all pairs.

A fingerprint holds where brightness rises or falls across a grid of 16×16 means, as signs that need a
difference of some grey levels: a plain background has none, so that two images with an object each on the
same plain background are alike only where the objects are. All numbers are whole, the same on any machine.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt64

from centernet.errors import InputError
from centernet.io.image_headers import read_header
from centernet.io.images import read_image
from centernet.structures import ImageRecord

GRID = 16
"""Rows and columns of the means."""

MIN_RISE = 3
"""Difference of neighbouring means, grey levels, from which on it counts as a rise or a fall."""

MAX_DIFFERENT = 0.4
"""Near-copies differ in at most this fraction of the signs that either has. Copies that were resized,
compressed again, or lost a fiftieth at an edge differ in 0 to 0.4 of them, unrelated photographs in 0.6."""

MAX_COLOR_LEVELS = 16
"""Near-copies differ by at most this in the mean of each colour channel, 0 to 255."""

_WORDS = 4 * GRID * GRID // 64
_PIECES = _WORDS * 4
_NEIGHBOURS = 8
"""How many others of its bucket an image is compared with."""

_WANTED_SIDE = 64
"""Images are decoded at an eighth, a quarter or half of their size where that leaves so many pixels."""


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """Fingerprints of images.

    Attributes:
        signs: Bits for rise and fall, to the right and downwards, at each place of the grid.
        colors: Mean of each colour channel, 0 to 255; one far below 0 for an image that cannot be read, which
            is like no other.
    """

    signs: UInt64[np.ndarray, "n words"]
    colors: Int64[np.ndarray, "n 3"]

    @classmethod
    def of(cls, images: "Sequence[UInt8[np.ndarray, '_ _ 3'] | None]") -> "Fingerprints":
        """The fingerprints of images in memory; None for one that cannot be read."""
        return cls._joined([_means_of(image) for image in images])

    @classmethod
    def of_files(cls, records: Sequence[ImageRecord]) -> "Fingerprints":
        """The fingerprints of image files, decoded at a fraction of their size where that is quicker.

        Args:
            records: The images; those that cannot be read are like no other.
        """
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return cls._joined(list(pool.map(lambda record: _means_of(_read_small(record)), records)))

    @classmethod
    def _joined(cls, means: "Sequence[Int64[np.ndarray, '16 16 3'] | None]") -> "Fingerprints":
        signs = np.zeros((len(means), _WORDS), dtype=np.uint64)
        colors = np.zeros((len(means), 3), dtype=np.int64)
        for position, one in enumerate(means):
            if one is None:
                colors[position] = -1000 * (position + 1)
            else:
                signs[position], colors[position] = _signs(one), one.sum(axis=(0, 1)) // (256 * GRID * GRID)
        return cls(signs=signs, colors=colors)

    def near(self, left: Int64[np.ndarray, " p"], right: Int64[np.ndarray, " p"]) -> Bool[np.ndarray, " p"]:
        """True for each pair of positions that is a pair of near-copies."""
        different = np.bitwise_count(self.signs[left] ^ self.signs[right]).sum(axis=1, dtype=np.int64)
        present = np.bitwise_count(self.signs[left] | self.signs[right]).sum(axis=1, dtype=np.int64)
        is_same_color = (np.abs(self.colors[left] - self.colors[right]) <= MAX_COLOR_LEVELS).all(axis=1)
        return is_same_color & (different <= MAX_DIFFERENT * present)


def group_near_copies(
    fingerprints: Fingerprints, names: Sequence[str], sources: Sequence[str]
) -> Int64[np.ndarray, " n"]:
    """The group of each image: near-copies, and near-copies of these, have one number.

    Each image is compared with the next few in the order of names, as frames of a video are, and with a few
    of those that share a piece of its signs: the time grows as that of sorting.

    Args:
        fingerprints: Of the images.
        names: Their names, which decide the order.
        sources: Images with the same text here are of one group in any case.

    Returns:
        Numbers of groups: the position of one of its images.
    """
    count = len(names)
    rank = np.empty(count, dtype=np.int64)
    rank[sorted(range(count), key=names.__getitem__)] = np.arange(count)
    groups = np.arange(count)
    _, source = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    order = np.lexsort((rank, source))
    is_same = source[order][1:] == source[order][:-1]
    groups = _united(groups, order[:-1][is_same], order[1:][is_same])
    pieces = fingerprints.signs.view(np.uint16).reshape(count, _PIECES)
    keys = [np.zeros(count, dtype=np.uint16), *pieces.T]
    is_plain = (fingerprints.signs == 0).all(axis=1)
    for number, key in enumerate(keys):
        # A piece without signs says nothing, unless the whole image has none.
        members = np.flatnonzero((key > 0) | is_plain | (number == 0))
        order = members[np.lexsort((rank[members], key[members]))]
        for step in range(1, _NEIGHBOURS + 1):
            left, right = order[:-step], order[step:]
            is_open = (key[left] == key[right]) & (groups[left] != groups[right])
            left, right = left[is_open], right[is_open]
            is_near = fingerprints.near(left, right)
            groups = _united(groups, left[is_near], right[is_near])
    return groups


def _united(
    groups: Int64[np.ndarray, " n"], left: Int64[np.ndarray, " p"], right: Int64[np.ndarray, " p"]
) -> Int64[np.ndarray, " n"]:
    """Groups after joining those of each pair."""
    roots = groups.tolist()

    def root_of(position: int) -> int:
        while roots[position] != position:
            roots[position] = roots[roots[position]]
            position = roots[position]
        return position

    if not len(left):
        return groups
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        first, second = sorted((root_of(one), root_of(other)))
        roots[second] = first
    return np.array([root_of(position) for position in range(len(roots))], dtype=np.int64)


def _read_small(record: ImageRecord) -> "UInt8[np.ndarray, '_ _ 3'] | None":
    """The pixels of a file, as stored, at a fraction of its size; None if it cannot be read."""
    try:
        with record.path.open("rb") as file:
            header = read_header(file)
        if header.is_ordinary:
            flags = _flags(min(header.stored_size))
            return cv2.imdecode(np.fromfile(record.path, dtype=np.uint8), flags)
        return read_image(record.path)
    except (OSError, ValueError, InputError, cv2.error):
        return None


def _flags(short_side: int) -> int:
    reduced = (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    )
    flags = next((flag for by, flag in reduced if short_side >= by * _WANTED_SIDE), cv2.IMREAD_COLOR)
    return flags | cv2.IMREAD_IGNORE_ORIENTATION


def _means_of(image: "UInt8[np.ndarray, '_ _ 3'] | None") -> "Int64[np.ndarray, '16 16 3'] | None":
    """Means of 16×16 blocks, in 256ths of a level; None without an image."""
    if image is None:
        return None
    # Rows first: they are contiguous. An image of fewer rows than the grid repeats some.
    starts, ends = _limits(image.shape[0])
    rows = np.stack([image[a:b].sum(axis=0, dtype=np.int64) for a, b in zip(starts, ends, strict=True)])
    lefts, rights = _limits(image.shape[1])
    sums = np.stack([rows[:, a:b].sum(axis=1) for a, b in zip(lefts, rights, strict=True)], axis=1)
    areas = np.outer(np.array(ends) - starts, np.array(rights) - lefts)
    return sums * 256 // areas[:, :, None]


def _limits(length: int) -> tuple[list[int], list[int]]:
    starts = [block * length // GRID for block in range(GRID)]
    return starts, [max(start + 1, (block + 1) * length // GRID) for block, start in enumerate(starts)]


def _signs(means: Int64[np.ndarray, "16 16 3"]) -> UInt64[np.ndarray, " words"]:
    grey = means.sum(axis=2)
    # Around the edge, as on a torus, every place has a neighbour.
    slopes = np.stack([np.roll(grey, -1, axis=1) - grey, np.roll(grey, -1, axis=0) - grey])
    least = MIN_RISE * 3 * 256
    return np.packbits(np.stack([slopes >= least, slopes <= -least])).view(np.uint64)
