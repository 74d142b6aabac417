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
from centernet.structures import Annotations, Sample

LEAST_SIDE = 32
MOST_OVERLAP = 0.9

_SAME = 0.4
"""IoU from which boxes of two looks are one object."""

_INSIDE = 0.7
"""Share of a piece within an object from which it is a piece of that."""

_BORDER = 0.02
"""A box so near to the border of its tile, as a share of the tile's side, is cut by it."""

PIECE_SHARE = 0.25
"""A piece yields to what shows more of its object, if that has at least this share of its score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
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
    def all_of(cls, sample: Sample) -> "Part":
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
        if self.side < LEAST_SIDE:
            raise UsageError(f"slice is the side of the tiles, {LEAST_SIDE} pixels or more; got {self.side}")
        if not 0 <= self.overlap <= MOST_OVERLAP:
            raise UsageError(f"slice_overlap is a share from 0 to {MOST_OVERLAP}; got {self.overlap}")

    def parts(self, sample: Sample) -> Iterator[Part]:
        """The tiles of an image, row by row, and then the whole of it."""
        height, width = sample.view.image_size
        if max(height, width) > self.side:
            for top in self._starts(height):
                for left in self._starts(width):
                    window = (left, top, min(left + self.side, width), min(top + self.side, height))
                    yield Part(sample=_cut_out(sample, window), whole=sample, window=window, is_last=False)
        yield Part.all_of(sample)

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
        camera=None if camera is None else translation(-left, -top) @ camera,
    )
    # A view of the pixels, not a copy.
    return replace(
        sample, image=sample.image[top:bottom, left:right], annotations=Annotations.none(), view=view
    )


def merge(
    looks: Sequence[tuple[Part, Detections]],
    *,
    most: int,
    least: float = 0.0,
    across_classes: bool = False,
) -> Detections:
    """What all parts of an image show, each object once, image pixels, best first.

    Of what several parts show the surest whole box is kept; where all are pieces, they are put together. The
    score is the best of all. No two detections of one part become one.

    Args:
        looks: The parts of one image, and what was found in each.
        most: Most detections.
        least: Detections with a lower score are not looked at.
        across_classes: Detections of different classes are one object as well.
    """
    first, whole = looks[0][1], looks[0][0].whole
    if len(looks) == 1:
        return first
    objects = _Looks(looks, least).objects(across_classes)
    objects = objects[np.argsort(-objects.scores, kind="stable")[:most]]
    return replace(
        objects,
        image_size=whole.view.image_size,
        image=whole.image,
        camera=None if first.camera is None else whole.view.camera,
    )


_FIRST = np.array([True, True, False, False])
"""Sides of a box that are left or top: they grow towards smaller numbers."""


class _Looks:
    """What the parts of an image show, in one list.

    Args:
        looks: The parts, and what was found in each.
        least: Detections with a lower score are left out.
    """

    def __init__(self, looks: Sequence[tuple[Part, Detections]], least: float) -> None:
        moved = [_moved(found.above(least), part) for part, found in looks]
        self._found = Detections.joined(moved)
        self._look: Int[np.ndarray, " n"] = np.repeat(np.arange(len(looks)), [len(one) for one in moved])
        windows = np.array([part.window for part, _ in looks], dtype=np.float32)
        height, width = looks[0][0].whole.view.image_size
        is_inner = windows != np.array([0, 0, width, height], dtype=np.float32)
        sides = np.tile(windows[:, 2:] - windows[:, :2], 2)
        self._windows = windows[self._look]
        is_near = np.abs(self._found.boxes - self._windows) <= _BORDER * sides[self._look]
        self._cut: Bool[np.ndarray, "n 4"] = is_inner[self._look] & is_near
        self._is_free = np.ones(len(self._found), dtype=bool)

    def objects(self, across_classes: bool) -> Detections:
        """Each object once."""
        found = self._found
        labels = np.zeros_like(found.labels) if across_classes else found.labels
        ranks = found.scores * np.where(self._cut.any(axis=1), PIECE_SHARE, 1.0)
        kept = []
        boxes, scores, keypoints = found.boxes.copy(), found.scores.copy(), found.keypoints.copy()
        for row in np.argsort(-ranks, kind="stable").tolist():
            if not self._is_free[row]:
                continue
            self._is_free[row] = False
            kept.append(row)
            is_near = self._is_free & (labels == labels[row]) & _meet(found.boxes, found.boxes[row])
            boxes[row], members = self._gathered(row, np.flatnonzero(is_near))
            scores[row] = found.scores[[row, *members]].max()
            if self._cut[row].any() and found.keypoints.size:
                sure = [one for one in members if self._is_sure(one, row)]
                keypoints[row] = _surest(found.keypoints[[row, *sure]])
        return replace(found, boxes=boxes, scores=scores, keypoints=keypoints)[kept]

    def _gathered(self, row: int, others: Int[np.ndarray, " m"]) -> tuple[Float[np.ndarray, " 4"], list[int]]:
        """The box of an object that is free no more, and what else shows it: at most one of each look.

        Args:
            row: The object, or the surest piece of it.
            others: What may show it too.
        """
        box, cut, seen = self._found.boxes[row].copy(), self._cut[row].copy(), self._windows[row].copy()
        others = others[self._look[others] != self._look[row]]
        members: list[int] = []
        while len(others):
            overlap, is_same = self._compared(box, cut, seen, others)
            if not is_same.any():
                break
            worth = np.where(is_same, overlap * self._found.scores[others], -1.0)
            taken = int(others[worth.argmax()])
            members.append(taken)
            self._is_free[taken] = False
            others = others[self._look[others] != self._look[taken]]
            if self._is_sure(taken, row):
                self._grow(box, cut, seen, taken)
        return box, members

    def _is_sure(self, other: int, row: int) -> bool:
        return bool(self._found.scores[other] >= PIECE_SHARE * self._found.scores[row])

    def _compared(
        self,
        box: Float[np.ndarray, " 4"],
        cut: Bool[np.ndarray, " 4"],
        seen: Float[np.ndarray, " 4"],
        others: Int[np.ndarray, " m"],
    ) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
        """IoU of a box with others, and whether they are one object, by what both looks can see.

        Args:
            box: The box.
            cut: Which of its sides are cut.
            seen: What its look, or those it was put together from, could see.
            others: Boxes of other looks.
        """
        windows, others_cut = self._windows[others], self._cut[others]
        mine = np.where(others_cut, _within(box, windows), box)
        theirs = np.where(cut, _within(self._found.boxes[others], seen), self._found.boxes[others])
        sides = np.minimum(mine[:, 2:], theirs[:, 2:]) - np.maximum(mine[:, :2], theirs[:, :2])
        shared = np.clip(sides, 0, None).prod(axis=1)
        areas = [np.clip(part[:, 2:] - part[:, :2], 0, None).prod(axis=1) for part in (mine, theirs)]
        overlap = shared / np.maximum(areas[0] + areas[1] - shared, 1e-6)
        # Of which piece most must lie within the other.
        pieces = [np.where(cut.any(), areas[0], np.inf), np.where(others_cut.any(axis=1), areas[1], np.inf)]
        inside = shared / np.maximum(np.minimum(*pieces), 1e-6)
        return overlap, (overlap >= _SAME) | (inside >= _INSIDE)

    def _grow(
        self,
        box: Float[np.ndarray, " 4"],
        cut: Bool[np.ndarray, " 4"],
        seen: Float[np.ndarray, " 4"],
        taken: int,
    ) -> None:
        """Where a box is cut and another look sees further, it ends where that sees it end; in place."""
        window, other = self._windows[taken], self._found.boxes[taken]
        is_further = cut & _is_beyond(window, seen)
        grows = is_further & _is_beyond(other, box)
        box[grows] = other[grows]
        cut[is_further] = self._cut[taken][is_further]
        wider = _is_beyond(window, seen)
        seen[wider] = window[wider]


def _moved(found: Detections, part: Part) -> Detections:
    """The detections of a part, in pixels of the image."""
    shift = np.array(part.window[:2], dtype=np.float32)
    counts = np.array(found.categories.num_keypoints, dtype=np.int64)[found.labels]
    is_own = np.arange(found.keypoints.shape[1]) < counts[:, None]
    keypoints = found.keypoints.copy()
    keypoints[is_own, :2] += shift
    return replace(found, boxes=found.boxes + np.tile(shift, 2), keypoints=keypoints, image=None)


def _surest(keypoints: Float[np.ndarray, "m k 3"]) -> Float[np.ndarray, "k 3"]:
    """Each keypoint as the look has it that is surest of it."""
    return np.take_along_axis(keypoints, keypoints[None, ..., 2].argmax(axis=1)[..., None], axis=0)[0]


def _meet(boxes: Float[np.ndarray, "n 4"], box: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " n"]:
    """Which boxes share a place with one."""
    return (np.maximum(boxes[:, :2], box[:2]) < np.minimum(boxes[:, 2:], box[2:])).all(axis=1)


def _within(boxes: Float[np.ndarray, "*m 4"], windows: Float[np.ndarray, "*m2 4"]) -> np.ndarray:
    """Each side of boxes, moved into windows where it is outside."""
    return np.where(_FIRST, np.maximum(boxes, windows), np.minimum(boxes, windows))


def _is_beyond(boxes: Float[np.ndarray, " 4"], others: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " 4"]:
    """Which sides of a box are further out than those of another."""
    return np.where(_FIRST, boxes < others, boxes > others)
