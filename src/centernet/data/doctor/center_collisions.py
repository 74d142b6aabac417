"""Collisions of centres on the heatmap, where one cell can hold one centre of each class."""

import numpy as np
from jaxtyping import Int

from centernet.data.doctor.crowding import has_neighbour, objects_by_cell
from centernet.data.formats.common.files import location_of
from centernet.geometry.resize import ResizeRule
from centernet.structures import Dataset, Defect

COLLISION = "objects in one cell"
ADJACENT = "objects in neighbouring cells"

# Half of the eight neighbours: the other half gives the same pairs.
_STEPS = ((0, 1), (1, -1), (1, 0), (1, 1))


def find_collisions(
    dataset: Dataset, rule: ResizeRule, stride: int
) -> tuple[tuple[Defect, ...], tuple[Defect, ...]]:
    """Objects of one class with centres in one cell, and images with centres in neighbouring cells.

    Args:
        dataset: Cleaned, so that every image has a size.
        rule: The resize rule of the inputs.
        stride: Input pixels from one cell to the next.
    """
    objects, keys = objects_by_cell(dataset.records, rule, stride)
    first = _first_with_same_key(keys)
    size = rule((1, 1))[0]
    seen_at = f"at {size[1]}×{size[0]} px"
    names = dataset.categories.names
    collisions = []
    for row in np.flatnonzero(first != np.arange(len(first))).tolist():
        record = dataset.records[objects.image_index[row]]
        other = location_of(record, int(objects.index[first[row]]))
        x, y = keys[row, 2:].tolist()
        collisions.append(
            Defect(
                kind=COLLISION,
                where=location_of(record, int(objects.index[row])),
                message=f"{names[objects.labels[row]]} shares cell ({x}, {y}) with {_short(other)} {seen_at}",
                action="both are trained, only one of them can be found, unless per_cell=2 is set; "
                "a larger imgsz may separate them",
            )
        )
    return tuple(collisions), _neighbours(dataset, keys, seen_at)


def _short(place: str) -> str:
    """The part of a place that differs between places in one file."""
    return place.rpartition(", ")[2] if ", " in place else f"line {place.rpartition(':')[2]}"


def _first_with_same_key(keys: Int[np.ndarray, "m 4"]) -> Int[np.ndarray, " m"]:
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


def _neighbours(dataset: Dataset, keys: Int[np.ndarray, "m 4"], seen_at: str) -> tuple[Defect, ...]:
    distinct = np.unique(keys, axis=0)
    counts: dict[tuple[int, int], int] = {}
    for step in _STEPS:
        for image_index, label in distinct[has_neighbour(distinct, step), :2].tolist():
            counts[image_index, label] = counts.get((image_index, label), 0) + 1
    names = dataset.categories.names
    return tuple(
        Defect(
            kind=ADJACENT,
            where=str(dataset.records[image_index].path),
            message=f"{count} pair{'s' if count > 1 else ''} of {names[label]} {seen_at}",
            action="the weaker peak of a pair may be lost",
        )
        for (image_index, label), count in sorted(counts.items())
    )
