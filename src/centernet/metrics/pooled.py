"""Objects and detections of all images in flat arrays, and which of them overlap or match.

A data set has thousands of images with a few objects each: one array for all of them is faster than a loop.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.detections import Detections
from centernet.geometry.boxes import box_areas, iou_of_pairs
from centernet.structures import Annotations

_MAX_PAIRS = 200_000
"""Pairs of boxes that are compared at once: more would only take memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Objects:
    """Ground truth of many images.

    Attributes:
        images: Position of the image of each object, rising.
        boxes: `(x1, y1, x2, y2)`, image pixels.
        labels: Index of the class.
        areas: Square pixels, as annotated.
        is_crowd: Regions that hold many objects.
    """

    images: Int[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    areas: Float[np.ndarray, " n"]
    is_crowd: Bool[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Detections of many images.

    Attributes:
        images: Position of the image of each detection, rising.
        boxes: `(x1, y1, x2, y2)`, image pixels.
        labels: Index of the class.
        scores: Confidence, 0 to 1.
    """

    images: Int[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, " n"]
    scores: Float[np.ndarray, " n"]

    def __getitem__(self, keep: Bool[np.ndarray, " n"]) -> "Found":
        return Found(
            images=self.images[keep],
            boxes=self.boxes[keep],
            labels=self.labels[keep],
            scores=self.scores[keep],
        )

    def above(self, min_scores: float | Float[np.ndarray, " c"]) -> "Found":
        """The detections with at least this score, or the one of their class."""
        least = np.asarray(min_scores, dtype=self.scores.dtype)
        return self[self.scores >= (least[self.labels] if least.ndim else least)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """Objects and detections of the same images."""

    objects: Objects
    found: Found

    @classmethod
    def of(cls, pairs: "Iterable[tuple[Annotations, Detections]] | Pooled") -> "Pooled":
        """Those of each image; what is pooled already stays as it is."""
        if isinstance(pairs, Pooled):
            return pairs
        listed = list(pairs)
        annotated, founds = [objects for objects, _ in listed], [found for _, found in listed]
        return cls(
            objects=Objects(
                images=_images(annotated),
                boxes=_joined([one.boxes for one in annotated], (0, 4)),
                labels=_joined([one.labels for one in annotated], (0,), np.int64),
                areas=_joined([one.areas for one in annotated], (0,)),
                is_crowd=_joined([one.is_crowd for one in annotated], (0,), np.bool_),
            ),
            found=Found(
                images=_images(founds),
                boxes=_joined([one.boxes for one in founds], (0, 4)),
                labels=_joined([one.labels for one in founds], (0,), np.int64),
                scores=_joined([one.scores for one in founds], (0,)),
            ),
        )


def _images(parts: Sequence[Annotations] | Sequence[Detections]) -> Int[np.ndarray, " n"]:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)


def _joined(
    parts: Sequence[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic] | None = None
) -> np.ndarray:
    """The arrays one after the other; empty ones have no say in the type."""
    filled = [part for part in parts if len(part)] or [np.zeros(shape, dtype=np.float32)]
    joined = np.concatenate(filled)
    return joined if dtype is None else joined.astype(dtype, copy=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlaps:
    """Pairs of a detection and an object with enough overlap.

    Attributes:
        found: Position of the detection, rising.
        objects: Position of the object, rising for each detection.
        iou: Their overlap.
    """

    found: Int[np.ndarray, " p"]
    objects: Int[np.ndarray, " p"]
    iou: Float[np.ndarray, " p"]

    def __getitem__(self, keep: Bool[np.ndarray, " p"]) -> "Overlaps":
        return Overlaps(found=self.found[keep], objects=self.objects[keep], iou=self.iou[keep])


def overlaps(
    found: Found, objects: Objects, min_iou: float, *, same_class: bool, border: float = 0.0
) -> Overlaps:
    """Pairs of a detection and an object of the same image, crowd regions too, with enough IoU.

    Args:
        found: Detections.
        objects: Objects.
        min_iou: Minimum IoU of a pair, more than 0.
        same_class: Only pairs of the same class.
        border: Pixels by which the right and the lower side of all boxes are moved outwards.
    """
    rows, columns, ious = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], []
    outwards = np.array([0, 0, border, border])
    for i, j in _pairs(*_keys(found, objects, same_class)):
        first, second = found.boxes[i], objects.boxes[j]
        if border:
            first, second = first.astype(np.float64) + outwards, second.astype(np.float64) + outwards
        iou = iou_of_pairs(first, second)
        enough = iou >= min_iou
        rows.append(i[enough])
        columns.append(j[enough])
        ious.append(iou[enough])
    return Overlaps(found=np.concatenate(rows), objects=np.concatenate(columns), iou=_joined(ious, (0,)))


def in_crowd(found: Found, objects: Objects, min_fraction: float) -> Bool[np.ndarray, " n"]:
    """True for detections with enough of their area inside one crowd region of their class."""
    is_in = np.zeros(len(found.scores), dtype=bool)
    crowds = np.flatnonzero(objects.is_crowd)
    for i, j in _pairs(*_keys(found, objects, same_class=True, keep=crowds)):
        first, second = found.boxes[i], objects.boxes[crowds[j]]
        sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
        inside = np.clip(sides, 0, None).prod(axis=1)
        is_in[i[inside / np.maximum(box_areas(first), 1e-9) >= min_fraction]] = True
    return is_in


def best_matches(
    pairs: Overlaps, scores: Float[np.ndarray, " n"], is_usable: Bool[np.ndarray, " m"]
) -> Int[np.ndarray, " n"]:
    """Index of the object that each detection matches, or -1.

    Detections are matched by descending score, each to the free object with the largest IoU.

    Args:
        pairs: Detections and objects that may match.
        scores: Scores of all detections.
        is_usable: Objects that may be matched.
    """
    pairs = pairs[is_usable[pairs.objects]]
    rank = np.empty(len(scores), dtype=np.int64)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    order = np.lexsort((pairs.objects, -pairs.iou, rank[pairs.found]))
    matched, is_taken = [-1] * len(scores), [False] * len(is_usable)
    for row, column in zip(pairs.found[order].tolist(), pairs.objects[order].tolist(), strict=True):
        if matched[row] < 0 and not is_taken[column]:
            matched[row] = column
            is_taken[column] = True
    return np.array(matched, dtype=np.int64)


def by_class(labels: Int[np.ndarray, " n"], num_classes: int) -> list[Int[np.ndarray, " k"]]:
    """Positions of the entries of each class, rising."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=num_classes))[:-1])


def _keys(
    found: Found, objects: Objects, same_class: bool, keep: Int[np.ndarray, " k"] | None = None
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Numbers that are equal for detections and objects to be compared."""
    images = objects.images if keep is None else objects.images[keep]
    if not same_class:
        return found.images, images
    labels = objects.labels if keep is None else objects.labels[keep]
    num = 1 + int(max(found.labels.max(initial=0), labels.max(initial=0)))
    return found.images * num + found.labels, images * num + labels


def _pairs(
    first: Int[np.ndarray, " n"], second: Int[np.ndarray, " m"]
) -> Iterator[tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]]:
    """Positions of all pairs with equal keys, some at a time, in order of the first and then the second."""
    order = np.argsort(second, kind="stable")
    ranked = second[order]
    starts = np.searchsorted(ranked, first, side="left")
    counts = np.searchsorted(ranked, first, side="right") - starts
    rows = np.flatnonzero(counts)
    starts, counts = starts[rows], counts[rows]
    parts = np.cumsum(counts) // _MAX_PAIRS
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(parts)) + 1):
        if len(part):
            lengths = counts[part]
            ends = np.cumsum(lengths)
            steps = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
            yield np.repeat(rows[part], lengths), order[np.repeat(starts[part], lengths) + steps]
