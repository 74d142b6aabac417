"""Collisions of centres on the heatmap, where one cell can hold one centre of each class."""

from collections.abc import Sequence

import numpy as np

from centernet.data.doctor.crowding import STEPS, ObjectCells
from centernet.data.formats.common.files import place_in
from centernet.geometry.resize import ResizeRule
from centernet.structures import Dataset, Defect
from centernet.structures.records import Records

COLLISION = "objects in one cell"
ADJACENT = "objects in neighbouring cells"


def find_collisions(
    dataset: Dataset, rule: ResizeRule, stride: int, found: ObjectCells | None = None
) -> tuple[tuple[Defect, ...], tuple[Defect, ...]]:
    """Objects of one class with centres in one cell, and images with centres in neighbouring cells.

    Args:
        dataset: Cleaned, so that every image has a size.
        rule: The resize rule of the inputs.
        stride: Input pixels from one cell to the next.
        found: The cells of its objects, where they are known.
    """
    records = Records.of(dataset.records)
    found = found or ObjectCells.of(records, rule, stride)
    objects, keys, first = found.objects, found.keys, found.cells.first
    ids, starts = records.objects["ids"], records.starts
    size = rule((1, 1))[0]
    seen_at = f"at {size[1]}×{size[0]} px"
    names = dataset.categories.names
    collisions = []
    for row in np.flatnonzero(first != np.arange(len(first))).tolist():
        image = int(objects.image_index[row])
        source = records.source(image)
        own, others = (int(ids[starts[image] + objects.index[one]]) for one in (row, int(first[row])))
        other = place_in(source, others)
        x, y = keys[row, 2:].tolist()
        collisions.append(
            Defect(
                kind=COLLISION,
                where=place_in(source, own),
                message=f"{names[objects.labels[row]]} shares cell ({x}, {y}) with {_short(other)} {seen_at}",
                action="both are trained, only one of them can be found, unless per_cell=2 is set; "
                "a larger imgsz may separate them",
            )
        )
    return tuple(collisions), _neighbours(records, dataset.categories.names, found, seen_at)


def _short(place: str) -> str:
    """The part of a place that differs between places in one file."""
    return place.rpartition(", ")[2] if ", " in place else f"line {place.rpartition(':')[2]}"


def _neighbours(
    records: Records, names: Sequence[str], found: ObjectCells, seen_at: str
) -> tuple[Defect, ...]:
    rows = np.concatenate([found.cells.with_neighbour(x, y)[:, :2] for x, y in STEPS])
    pairs, counts = np.unique(rows[:, 0] * len(names) + rows[:, 1], return_counts=True)
    return tuple(
        Defect(
            kind=ADJACENT,
            where=records.paths[pair // len(names)],
            message=f"{count} pair{'s' if count > 1 else ''} of {names[pair % len(names)]} {seen_at}",
            action="the weaker peak of a pair may be lost",
        )
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)
    )
