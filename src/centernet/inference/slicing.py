"""Large images in overlapping tiles: detection runs on each tile and on the whole image.

Detections are moved from tiles to the image, and those of one object are merged into one. A tile holds only a
piece of an object that its border cuts: such a piece is compared with the part of a whole object that lies in
the tile.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.affine import translation
from centernet.geometry.boxes import box_areas, intersecting_pairs
from centernet.inference.options import InferenceOptions
from centernet.structures import Annotations, Sample

_SAME_OBJECT_IOU = 0.4
"""IoU from which boxes of two tiles are one object."""

_INSIDE_FRACTION = 0.7
"""Fraction of a piece inside an object from which it is a piece of that object."""

_BORDER_FRACTION = 0.02
"""A box this near to the border of its tile is cut by it; a fraction of the tile's side."""

_EDGE_TOLERANCE = 0.1
"""How far a detector may misplace an edge of a box; a fraction of the box's side."""

PIECE_WEIGHT = 0.25
"""A piece yields to a box that holds more of its object, if that has at least this fraction of its score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A tile of an image, on which detection runs as on an image.

    Attributes:
        sample: Pixels of the tile; its camera is that of the image, moved.
        whole: The image.
        window: Left, top, right and bottom of the tile in the image, pixels.
        is_last: True for the last tile of its image.
    """

    sample: Sample
    whole: Sample
    window: tuple[int, int, int, int]
    is_last: bool

    @classmethod
    def all_of(cls, sample: Sample) -> "Tile":
        """The whole image as a single tile."""
        height, width = sample.view.image_size
        return cls(sample=sample, whole=sample, window=(0, 0, width, height), is_last=True)


@dataclass(frozen=True, kw_only=True)
class Slicing:
    """Cuts images into overlapping tiles.

    Attributes:
        side: Side of the tiles, image pixels. Images that fit into one tile are not cut.
        overlap: Minimum overlap of neighbouring tiles, as a fraction of their side.
    """

    side: int = 640
    overlap: float = 0.2

    @classmethod
    def of(cls, options: InferenceOptions) -> "Slicing | None":
        """The tiles of `slice` and `slice_overlap`; None if images are not cut."""
        if options.slice is None:
            return None
        overlap = cls.overlap if options.slice_overlap is None else options.slice_overlap
        return cls(side=options.slice, overlap=overlap)

    def tiles(self, sample: Sample) -> Iterator[Tile]:
        """The tiles of an image, row by row, and then the whole image."""
        height, width = sample.view.image_size
        if max(height, width) > self.side:
            for top in self._starts(height):
                for left in self._starts(width):
                    window = (left, top, min(left + self.side, width), min(top + self.side, height))
                    yield Tile(sample=_crop(sample, window), whole=sample, window=window, is_last=False)
        yield Tile.all_of(sample)

    def _starts(self, length: int) -> list[int]:
        """First pixel of each tile along one side: as few as the overlap allows, evenly spaced."""
        room = length - self.side
        if room <= 0:
            return [0]
        steps = math.ceil(room / max(1, math.floor(self.side * (1 - self.overlap))))
        return [round(room * step / steps) for step in range(steps + 1)]


def _crop(sample: Sample, window: tuple[int, int, int, int]) -> Sample:
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


def merge_tiles(
    per_tile: Sequence[tuple[Tile, Detections]],
    *,
    max_detections: int,
    min_score: float = 0.0,
    class_agnostic: bool = False,
) -> Detections:
    """Detections of all tiles of an image, each object once, image pixels, most confident first.

    Of several boxes of one object, the most confident whole box is kept; if all are pieces, their union is.
    The score is the maximum of all. Two detections of one tile are never merged.

    Args:
        per_tile: The tiles of one image with the detections in each.
        max_detections: Maximum number of detections.
        min_score: Detections with a lower score are left out.
        class_agnostic: Merge detections of different classes too.
    """
    first, whole = per_tile[0][1], per_tile[0][0].whole
    if len(per_tile) == 1:
        return first
    objects = _TileDetections(per_tile, min_score, class_agnostic).objects()
    objects = objects[np.argsort(-objects.scores, kind="stable")[:max_detections]]
    return replace(
        objects,
        image_size=whole.view.image_size,
        image=whole.image,
        camera=None if first.camera is None else whole.view.camera,
    )


_FIRST = np.array([True, True, False, False])
"""True for the left and top sides of a box, which grow towards smaller numbers."""


class _TileDetections:
    """Detections of all tiles of an image in one list, in which those of one object are merged.

    Args:
        per_tile: The tiles with the detections in each.
        min_score: Detections with a lower score are left out.
        class_agnostic: Merge detections of different classes too.
    """

    def __init__(
        self, per_tile: Sequence[tuple[Tile, Detections]], min_score: float, class_agnostic: bool
    ) -> None:
        moved = [_to_image(found.above(min_score), tile) for tile, found in per_tile]
        self._found = Detections.joined(moved)
        self._boxes = self._found.boxes
        labels = self._found.labels
        self._labels = np.zeros_like(labels) if class_agnostic else labels
        self._tile: Int[np.ndarray, " n"] = np.repeat(np.arange(len(per_tile)), [len(one) for one in moved])
        windows = np.array([tile.window for tile, _ in per_tile], dtype=np.float32)
        height, width = per_tile[0][0].whole.view.image_size
        is_inner = windows != np.array([0, 0, width, height], dtype=np.float32)
        self._windows = windows[self._tile]
        margin = np.maximum(_BORDER_FRACTION * _sides(self._windows), _EDGE_TOLERANCE * _sides(self._boxes))
        self._is_cut: Bool[np.ndarray, "n 4"] = is_inner[self._tile] & (
            np.abs(self._boxes - self._windows) <= margin
        )
        self._near = self._neighbours()

    def _neighbours(self) -> list[Int[np.ndarray, " k"]]:
        """For each detection those of the same class in other tiles whose boxes intersect its own, rising."""
        first, second = intersecting_pairs(self._boxes)
        is_near = (self._labels[first] == self._labels[second]) & (self._tile[first] != self._tile[second])
        rows = np.concatenate([first[is_near], second[is_near]])
        others = np.concatenate([second[is_near], first[is_near]])
        ends = np.cumsum(np.bincount(rows, minlength=len(self._boxes)))
        return np.split(others[np.lexsort((others, rows))], ends[:-1])

    def objects(self) -> Detections:
        """The merged detections, each object once."""
        ranks = self._found.scores * np.where(self._is_cut.any(axis=1), PIECE_WEIGHT, 1.0)
        is_free = np.ones(len(ranks), dtype=bool)
        kept = np.zeros(len(ranks), dtype=bool)
        for row in np.argsort(-ranks, kind="stable").tolist():
            if is_free[row]:
                is_free[row], kept[row] = False, True
                self._gather(row, is_free)
        is_piece = kept & self._is_cut.any(axis=1)
        whole = np.flatnonzero(kept & ~is_piece)
        enlarged = _enlarged(self._boxes[whole])
        for row in np.flatnonzero(is_piece).tolist():
            kept[row] = not self._is_covered(row, whole[_intersects(enlarged, self._boxes[row])])
        return self._found[kept]

    def _gather(self, row: int, is_free: Bool[np.ndarray, " n"]) -> None:
        """Merges the detections of one object, at most one of each tile, into its row.

        Args:
            row: Row of the object, or of the most confident piece of it.
            is_free: True for detections that belong to no object yet; changed in place.
        """
        found, visible = self._found, self._windows[row].copy()
        min_score = PIECE_WEIGHT * found.scores[row]
        # Boxes that are free have not grown since.
        candidates = self._near[row][is_free[self._near[row]]]
        while len(candidates):
            iou, is_same = self._compare(row, visible, candidates)
            if not is_same.any():
                break
            taken = int(candidates[np.where(is_same, iou * found.scores[candidates], -1.0).argmax()])
            is_free[taken] = False
            candidates = candidates[self._tile[candidates] != self._tile[taken]]
            if found.scores[taken] >= min_score:
                self._extend(row, visible, taken)
            found.scores[row] = max(found.scores[row], found.scores[taken])

    def _compare(
        self, row: int, visible: Float[np.ndarray, " 4"], candidates: Int[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
        """IoU of a box with candidates inside both tiles, and True for each that is the same object.

        Args:
            row: Row of the box.
            visible: Window of its tile, extended by the tiles it was merged from.
            candidates: Rows of boxes of other tiles.
        """
        box, is_cut = self._boxes[row], self._is_cut[row]
        first = np.where(self._is_cut[candidates], _clip(box, self._windows[candidates]), box)
        second = np.where(is_cut, _clip(self._boxes[candidates], visible), self._boxes[candidates])
        intersection = _intersection(first, second)
        iou = intersection / np.maximum(box_areas(first) + box_areas(second) - intersection, 1e-6)
        inside = np.where(self._is_cut[candidates].any(axis=1), _fraction_inside(second, box[None]), 0.0)
        if is_cut.any():
            inside = np.maximum(inside, _fraction_inside(first, self._boxes[candidates]))
        return iou, (iou >= _SAME_OBJECT_IOU) | (inside >= _INSIDE_FRACTION)

    def _extend(self, row: int, visible: Float[np.ndarray, " 4"], taken: int) -> None:
        """Moves cut sides of a box to those of a detection whose tile reaches further; in place."""
        box, window, keypoints = self._boxes[row], self._windows[taken], self._found.keypoints
        if keypoints.size and self._is_cut[row].any():
            keypoints[row] = _more_confident(keypoints[row], keypoints[taken])
        is_further = self._is_cut[row] & _is_beyond(window, visible)
        grows = is_further & _is_beyond(self._boxes[taken], box)
        box[grows] = self._boxes[taken][grows]
        self._is_cut[row][is_further] = self._is_cut[taken][is_further]
        is_wider = _is_beyond(window, visible)
        visible[is_wider] = window[is_wider]

    def _is_covered(self, row: int, whole: Int[np.ndarray, " k"]) -> bool:
        """True if a piece lies inside one of some whole objects, of its class and of another tile."""
        candidates = whole[
            (self._labels[whole] == self._labels[row]) & (self._tile[whole] != self._tile[row])
        ]
        piece = np.tile(self._boxes[row], (len(candidates), 1))
        return bool((_fraction_inside(piece, self._boxes[candidates]) >= _INSIDE_FRACTION).any())


def _to_image(found: Detections, tile: Tile) -> Detections:
    """The detections of a tile in pixels of the image."""
    shift = np.array(tile.window[:2], dtype=np.float32)
    counts = np.array(found.categories.num_keypoints, dtype=np.int64)[found.labels]
    is_own = np.arange(found.keypoints.shape[1]) < counts[:, None]
    keypoints = found.keypoints.copy()
    keypoints[is_own, :2] += shift
    return replace(found, boxes=found.boxes + np.tile(shift, 2), keypoints=keypoints, image=None)


def _more_confident(
    first: Float[np.ndarray, "k 3"], second: Float[np.ndarray, "k 3"]
) -> Float[np.ndarray, "k 3"]:
    """The one with the higher score of each pair of keypoints."""
    return np.where(first[:, 2:] >= second[:, 2:], first, second)


def _intersection(
    first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "#n 4"]
) -> Float[np.ndarray, " n"]:
    """Area of the intersection of each box with its counterpart."""
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    return np.clip(sides, 0, None).prod(axis=1)


def _fraction_inside(
    pieces: Float[np.ndarray, "n 4"], boxes: Float[np.ndarray, "#n 4"]
) -> Float[np.ndarray, " n"]:
    """Fraction of each piece that lies inside a box, which is enlarged by the tolerance of its edges."""
    return _intersection(pieces, _enlarged(boxes)) / np.maximum(box_areas(pieces), 1e-6)


def _enlarged(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Boxes with each side moved outwards by the tolerance of edges."""
    return boxes + np.where(_FIRST, -_EDGE_TOLERANCE, _EDGE_TOLERANCE).astype(boxes.dtype) * _sides(boxes)


def _sides(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """Width and height, twice."""
    return np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _intersects(boxes: Float[np.ndarray, "n 4"], box: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " n"]:
    """True for boxes that intersect one."""
    return (np.maximum(boxes[:, :2], box[:2]) < np.minimum(boxes[:, 2:], box[2:])).all(axis=1)


def _clip(boxes: Float[np.ndarray, "*m 4"], windows: Float[np.ndarray, "*m2 4"]) -> np.ndarray:
    """Boxes with each side moved into a window if it is outside."""
    return np.where(_FIRST, np.maximum(boxes, windows), np.minimum(boxes, windows))


def _is_beyond(first: Float[np.ndarray, " 4"], second: Float[np.ndarray, " 4"]) -> Bool[np.ndarray, " 4"]:
    """True for sides of the first box that are further out than those of the second."""
    return np.where(_FIRST, first < second, first > second)
