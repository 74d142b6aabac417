"""Objects that get in each other's way on the heatmap: one cell shows one centre of each class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from centernet.data.files import place_of
from centernet.data.object_table import ObjectTable
from centernet.geometry.affine import transform_boxes
from centernet.geometry.resize import ResizeRule
from centernet.structures import Dataset, Defect, ImageRecord

COLLISION = "objects in one cell"
NEIGHBOURS = "objects in neighbouring cells"

# Half of the eight neighbours: the other half sees the pair from the other side.
_STEPS = ((0, 1), (1, -1), (1, 0), (1, 1))


def find_collisions(
    dataset: Dataset, rule: ResizeRule, stride: int
) -> tuple[tuple[Defect, ...], tuple[Defect, ...]]:
    """Objects of one class whose centres share a cell, and images in which they lie in neighbouring cells.

    Args:
        dataset: Cleaned, so that every image has a size.
        rule: How images are shown to the network.
        stride: Input pixels from one cell to the next.
    """
    objects = ObjectTable.of(dataset.records)
    objects = objects[~objects.is_crowd]
    cells = _cells(dataset.records, objects, rule, stride)
    keys = np.column_stack([objects.image_index, objects.labels, cells])
    first = _first_with_same_key(keys)
    size = rule((1, 1))[0]
    seen_at = f"at {size[1]}×{size[0]} px"
    names = dataset.categories.names
    collisions = []
    for row in np.flatnonzero(first != np.arange(len(first))).tolist():
        record = dataset.records[objects.image_index[row]]
        other = place_of(record, int(objects.index[first[row]]))
        x, y = cells[row].tolist()
        collisions.append(
            Defect(
                kind=COLLISION,
                where=place_of(record, int(objects.index[row])),
                message=f"{names[objects.labels[row]]} shares cell ({x}, {y}) with {_short(other)} {seen_at}",
                action="both are trained, only one of them can be found; a larger imgsz may part them",
            )
        )
    return tuple(collisions), _neighbours(dataset, keys, seen_at)


def _short(place: str) -> str:
    """The part of a place that tells it from others in the same file."""
    return place.rpartition(", ")[2] if ", " in place else f"line {place.rpartition(':')[2]}"


def _cells(
    records: Sequence[ImageRecord], objects: ObjectTable, rule: ResizeRule, stride: int
) -> Int[np.ndarray, "m 2"]:
    """The cell `(x, y)` of every object's centre."""
    starts = np.searchsorted(objects.image_index, np.arange(len(records) + 1))
    cells = np.zeros((len(objects), 2), dtype=np.int64)
    for index, record in enumerate(records):
        span = slice(starts[index], starts[index + 1])
        assert record.size is not None
        boxes = transform_boxes(rule(record.size)[1], objects.boxes[span])
        cells[span] = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / stride)
    return cells


def _first_with_same_key(keys: Int[np.ndarray, "m 4"]) -> Int[np.ndarray, " m"]:
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


def _neighbours(dataset: Dataset, keys: Int[np.ndarray, "m 4"], seen_at: str) -> tuple[Defect, ...]:
    distinct = np.unique(keys, axis=0)
    counts: dict[tuple[int, int], int] = {}
    for step in _STEPS:
        for image_index, label in distinct[_has_neighbour(distinct, step), :2].tolist():
            counts[image_index, label] = counts.get((image_index, label), 0) + 1
    names = dataset.categories.names
    return tuple(
        Defect(
            kind=NEIGHBOURS,
            where=str(dataset.records[image_index].path),
            message=f"{count} pair{'s' if count > 1 else ''} of {names[label]} {seen_at}",
            action="the weaker peak of a pair may be lost",
        )
        for (image_index, label), count in sorted(counts.items())
    )


def _has_neighbour(distinct: Int[np.ndarray, "m 4"], step: tuple[int, int]) -> Bool[np.ndarray, " m"]:
    moved = distinct + np.array([0, 0, *step])
    both = np.concatenate([distinct, moved])
    _, inverse, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)[len(distinct) :]] > 1
