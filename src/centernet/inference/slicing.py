"""Large images in overlapping tiles: each is looked at as an image of its own, and so is the whole.

What is found is moved to the image, and what shows one object becomes one detection. A tile shows the pieces
of objects that its border cuts: a piece is compared with the part of a whole object that its tile can see.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.affine import translation
from centernet.geometry.boxes import box_areas
from centernet.structures import Annotations, Sample

MIN_SIDE = 32
MAX_OVERLAP = 0.9

_SAME = 0.4
"""IoU from which boxes of two tiles are one object."""

_INSIDE = 0.7
"""Share of a piece within an object from which it is a piece of that."""

_BORDER = 0.02
"""A box so near to the border of its tile, as a share of the tile's side, is cut by it."""

_MISSED = 0.1
"""How far, as a share of a box's side, a detector may miss where it ends."""

PIECE_SHARE = 0.25
"""A piece yields to what shows more of its object, if that has at least this share of its score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A part of an image, to be looked at as an image of its own.

    Attributes:
        sample: The part; its camera is that of the image, moved.
        whole: The image.
        window: Left, top, right and bottom of the part in the image, pixels.
        is_last: No other part of the image comes after it.
    """

    sample: Sample
    whole: Sample
    window: tuple[int, int, int, int]
    is_last: bool

    @classmethod
    def all_of(cls, sample: Sample) -> "Tile":
        """The whole image as its only part."""
        height, width = sample.view.image_size
        return cls(sample=sample, whole=sample, window=(0, 0, width, height), is_last=True)


@dataclass(frozen=True, kw_only=True)
class Slicing:
    """How images are cut into tiles.

    Attributes:
        side: Of the tiles, image pixels. Images that fit in one are not cut.
        overlap: Least share of a tile's side that its neighbour shows too.

    Raises:
        UsageError: A side below 32, or an overlap that is not from 0 to 0.9.
    """

    side: int = 640
    overlap: float = 0.2

    def __post_init__(self) -> None:
        if self.side < MIN_SIDE:
            raise UsageError(f"slice is the side of the tiles, {MIN_SIDE} pixels or more; got {self.side}")
        if not 0 <= self.overlap <= MAX_OVERLAP:
            raise UsageError(f"slice_overlap is a share from 0 to {MAX_OVERLAP}; got {self.overlap}")

    def tiles(self, sample: Sample) -> Iterator[Tile]:
        """The tiles of an image, row by row, and then the whole of it."""
        height, width = sample.view.image_size
        if max(height, width) > self.side:
            for top in self._starts(height):
                for left in self._starts(width):
                    window = (left, top, min(left + self.side, width), min(top + self.side, height))
                    yield Tile(sample=_cut_out(sample, window), whole=sample, window=window, is_last=False)
        yield Tile.all_of(sample)

    def _starts(self, length: int) -> list[int]:
        """Where tiles begin: as few as the overlap allows, evenly spread."""
        room = length - self.side
        if room <= 0:
            return [0]
        steps = math.ceil(room / max(1, math.floor(self.side * (1 - self.overlap))))
        return [round(room * step / steps) for step in range(steps + 1)]


def _cut_out(sample: Sample, window: tuple[int, int, int, int]) -> Sample:
    left, top, right, bottom = window
    size = (bottom - top, right - left)
    camera = sample.view.camera
    view = replace(
        sample.view,
        image_size=size,
        input_size=size,
        camera=None if camera is None else translation(float(-left), float(-top)) @ camera,
    )
    # A view of the pixels, not a copy.
    return replace(
        sample, image=sample.image[top:bottom, left:right], annotations=Annotations.none(), view=view
    )


def merge(
    per_tile: Sequence[tuple[Tile, Detections]],
    *,
    max_detections: int,
    least: float = 0.0,
    across_classes: bool = False,
) -> Detections:
    """What all parts of an image show, each object once, image pixels, best first.

    Of what several parts show the surest whole box is kept; where all are pieces, they are put together. The
    score is the best of all. No two detections of one part become one.

    Args:
        per_tile: The tiles of one image, and what was found in each.
        max_detections: Most detections.
        least: Detections with a lower score are not looked at.
        across_classes: Detections of different classes are one object as well.
    """
    first, whole = per_tile[0][1], per_tile[0][0].whole
    if len(per_tile) == 1:
        return first
    objects = _TileDetections(per_tile, least, across_classes).objects()
    objects = objects[np.argsort(-objects.scores, kind="stable")[:max_detections]]
    return replace(
        objects,
        image_size=whole.view.image_size,
        image=whole.image,
        camera=None if first.camera is None else whole.view.camera,
    )


_FIRST = np.array([True, True, False, False])
"""Sides of a box that are left or top: they grow towards smaller numbers."""


class _TileDetections:
    """What the parts of an image show, in one list; detections are put together in it.

    Args:
        per_tile: The tiles, and what was found in each.
        least: Detections with a lower score are left out.
        across_classes: Detections of different classes are one object as well.
    """

    def __init__(
        self, per_tile: Sequence[tuple[Tile, Detections]], least: float, across_classes: bool
    ) -> None:
        moved = [_moved(found.above(least), tile) for tile, found in per_tile]
        self._found = Detections.joined(moved)
        self._boxes = self._found.boxes
        labels = self._found.labels
        self._labels = np.zeros_like(labels) if across_classes else labels
        self._tile: Int[np.ndarray, " n"] = np.repeat(np.arange(len(per_tile)), [len(one) for one in moved])
        windows = np.array([tile.window for tile, _ in per_tile], dtype=np.float32)
        height, width = per_tile[0][0].whole.view.image_size
        is_inner = windows != np.array([0, 0, width, height], dtype=np.float32)
        self._windows = windows[self._tile]
        room = np.maximum(_BORDER * _sides(self._windows), _MISSED * _sides(self._boxes))
        self._cut: Bool[np.ndarray, "n 4"] = is_inner[self._tile] & (
            np.abs(self._boxes - self._windows) <= room
        )

    def objects(self) -> Detections:
        """Each object once."""
        ranks = self._found.scores * np.where(self._cut.any(axis=1), PIECE_SHARE, 1.0)
        is_free = np.ones(len(ranks), dtype=bool)
        kept = np.zeros(len(ranks), dtype=bool)
        for row in np.argsort(-ranks, kind="stable").tolist():
            if is_free[row]:
                is_free[row], kept[row] = False, True
                self._gather(row, is_free)
        is_piece = kept & self._cut.any(axis=1)
        for row in np.flatnonzero(is_piece).tolist():
            kept[row] = not self._is_covered(row, kept & ~is_piece)
        return self._found[kept]

    def _gather(self, row: int, is_free: Bool[np.ndarray, " n"]) -> None:
        """Puts together what shows one object, at most one detection of each look, at its row.

        Args:
            row: The object, or the surest piece of it.
            is_free: What belongs to no object yet; changed in place.
        """
        found, seen = self._found, self._windows[row].copy()
        sure = PIECE_SHARE * found.scores[row]
        is_near = is_free & (self._labels == self._labels[row]) & (self._tile != self._tile[row])
        others = np.flatnonzero(is_near & _meet(self._boxes, self._boxes[row]))
        while len(others):
            overlap, is_same = self._compared(row, seen, others)
            if not is_same.any():
                break
            taken = int(others[np.where(is_same, overlap * found.scores[others], -1.0).argmax()])
            is_free[taken] = False
            others = others[self._tile[others] != self._tile[taken]]
            if found.scores[taken] >= sure:
                self._grow(row, seen, taken)
            found.scores[row] = max(found.scores[row], found.scores[taken])

    def _compared(
        self, row: int, seen: Float[np.ndarray, " 4"], others: Int[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
        """IoU of a box with others, and whether they are one object, by what both tiles can see.

        Args:
            row: The box.
            seen: What its look, or those it was put together from, could see.
            others: Boxes of other tiles.
        """
        box, cut = self._boxes[row], self._cut[row]
        mine = np.where(self._cut[others], _within(box, self._windows[others]), box)
        theirs = np.where(cut, _within(self._boxes[others], seen), self._boxes[others])
        shared = _shared(mine, theirs)
        overlap = shared / np.maximum(box_areas(mine) + box_areas(theirs) - shared, 1e-6)
        inside = np.where(self._cut[others].any(axis=1), _share_within(theirs, box[None]), 0.0)
        if cut.any():
            inside = np.maximum(inside, _share_within(mine, self._boxes[others]))
        return overlap, (overlap >= _SAME) | (inside >= _INSIDE)

    def _grow(self, row: int, seen: Float[np.ndarray, " 4"], taken: int) -> None:
        """Where a box is cut and another look sees further, it ends where that sees it end; in place."""
        box, window, keypoints = self._boxes[row], self._windows[taken], self._found.keypoints
        if keypoints.size and self._cut[row].any():
            keypoints[row] = _surer(keypoints[row], keypoints[taken])
        is_further = self._cut[row] & _is_beyond(window, seen)
        grows = is_further & _is_beyond(self._boxes[taken], box)
        box[grows] = self._boxes[taken][grows]
        self._cut[row][is_further] = self._cut[taken][is_further]
        wider = _is_beyond(window, seen)
        seen[wider] = window[wider]

    def _is_covered(self, row: int, is_whole: Bool[np.ndarray, " n"]) -> bool:
        """Whether a piece that is left over lies within a whole object that another look shows."""
        others = np.flatnonzero(
            is_whole & (self._labels == self._labels[row]) & (self._tile != self._tile[row])
        )
        piece = np.tile(self._boxes[row], (len(others), 1))
        return bool((_share_within(piece, self._boxes[others]) >= _INSIDE).any())


def _moved(found: Detections, tile: Tile) -> Detections:
    """The detections of a part, in pixels of the image."""
    shift = np.array(tile.window[:2], dtype=np.float32)
    counts = np.array(found.categories.num_keypoints, dtype=np.int64)[found.labels]
    is_own = np.arange(found.keypoints.shape[1]) < counts[:, None]
    keypoints = found.keypoints.copy()
    keypoints[is_own, :2] += shift
    return replace(found, boxes=found.boxes + np.tile(shift, 2), keypoints=keypoints, image=None)


def _surer(first: Float[np.ndarray, "k 3"], second: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k 3"]:
    """Each keypoint as the look has it that is surer of it."""
    return np.where(first[:, 2:] >= second[:, 2:], first, second)


def _shared(first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "#n 4"]) -> Float[np.ndarray, " n"]:
    """Area that each box shares with its counterpart."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    return np.clip(sides, 0, None).prod(axis=1)


def _share_within(
    pieces: Float[np.ndarray, "n 4"], boxes: Float[np.ndarray, "#n 4"]
) -> Float[np.ndarray, " n"]:
    """Share of each piece that lies within a box, or so near that the box may end there."""
    larger = boxes + np.where(_FIRST, -_MISSED, _MISSED).astype(boxes.dtype) * _sides(boxes)
    return _shared(pieces, larger) / np.maximum(box_areas(pieces), 1e-6)


def _sides(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Width and height, twice."""
    return np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _meet(boxes: Float[np.ndarray, "n 4"], box: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " n"]:
    """Which boxes share a place with one."""
    return (np.maximum(boxes[:, :2], box[:2]) < np.minimum(boxes[:, 2:], box[2:])).all(axis=1)


def _within(boxes: Float[np.ndarray, "*m 4"], windows: Float[np.ndarray, "*m2 4"]) -> np.ndarray:
    """Each side of boxes, moved into windows where it is outside."""
    return np.where(_FIRST, np.maximum(boxes, windows), np.minimum(boxes, windows))


def _is_beyond(boxes: Float[np.ndarray, " 4"], others: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " 4"]:
    """Which sides of a box are further out than those of another."""
    return np.where(_FIRST, boxes < others, boxes > others)
