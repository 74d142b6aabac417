"""Data sets in memory, without image files, for the tests of planning."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from centernet.structures import Annotations, Categories, Dataset, ImageRecord


def dataset(
    sizes: Sequence[tuple[int, int]],
    boxes: Sequence[Sequence[Sequence[float]]],
    crowd_from: int | None = None,
) -> Dataset:
    """Images of `(height, width)` with boxes of one class; those from `crowd_from` on are crowd regions."""
    records = []
    for number, (size, own) in enumerate(zip(sizes, boxes, strict=True)):
        objects = np.array(own, dtype=np.float32).reshape(-1, 4)
        annotations = Annotations.of(objects, np.zeros(len(objects), dtype=np.int64))
        if crowd_from is not None:
            annotations.is_crowd[crowd_from:] = True
        records.append(
            ImageRecord(
                path=Path(f"{number}.png"),
                image_id=number,
                annotations=annotations,
                source=f"{number}.xml",
                size=size,
            )
        )
    return Dataset(name="things", format="voc", categories=Categories.of("thing"), records=tuple(records))
