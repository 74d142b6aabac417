"""Crowding of a data set for a centre-based detector: centres in one cell, and in neighbouring cells."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from centernet.errors import UsageError, check_bounds, shown
from centernet.geometry.affine import transform_boxes
from centernet.geometry.resize import Letterbox, ResizeRule
from centernet.structures import Annotations, Dataset, ImageRecord
from centernet.structures.annotation_table import AnnotationTable

_WORST = 5
"""Number of images that are listed."""


def square_input(imgsz: int, stride: int) -> Letterbox:
    """The resize rule of square inputs.

    Raises:
        UsageError: The input would have no cells.
    """
    check_bounds(imgsz=max(imgsz, 1), stride=max(stride, 1))
    if stride < 1 or imgsz < stride:
        raise UsageError(f"stride is 1 pixel or more, imgsz as much or more; got {stride} and {imgsz}")
    return Letterbox(height=imgsz, width=imgsz)


@dataclass(frozen=True, kw_only=True)
class ClassCrowding:
    """Numbers of objects of a class whose centres collide.

    Attributes:
        name: The class.
        num_objects: Number of objects, without crowd regions.
        pairs_in_cell: Pairs with centres in one cell, counted as in Zhou et al. 2019, "Objects as Points",
            sec. 3 (614 pairs among 860 001 objects of COCO at stride 4).
        in_cell: Objects that share a cell with another.
        near: Other objects with a centre in one of the eight cells around; the 3×3 peak test may lose them.
    """

    name: str
    num_objects: int
    pairs_in_cell: int
    in_cell: int
    near: int


@dataclass(frozen=True, kw_only=True)
class Crowding:
    """Collisions of centres of one class in a data set.

    Attributes:
        seen_at: Size of the inputs, for messages.
        stride: Input pixels from one cell to the next.
        classes: One entry for each class, in the order of labels.
        worst: Images with most colliding objects, and the number of these, the worst first.
    """

    seen_at: str
    stride: int
    classes: tuple[ClassCrowding, ...]
    worst: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, dataset: Dataset, rule: ResizeRule, stride: int) -> "Crowding":
        """The collisions in a data set.

        Args:
            dataset: Cleaned, so that every image has a size.
            rule: The resize rule of the inputs.
            stride: Input pixels from one cell to the next.
        """
        objects, keys = objects_by_cell(dataset.records, rule, stride)
        counts, is_near = _count_by_cell(keys)
        is_near &= counts == 1
        classes = []
        for label, name in enumerate(dataset.categories.names):
            is_class = objects.labels == label
            classes.append(
                ClassCrowding(
                    name=name,
                    num_objects=int(is_class.sum()),
                    # Each object of a cell with n has n − 1 others, and each pair is counted twice.
                    pairs_in_cell=int((counts[is_class] - 1).sum()) // 2,
                    in_cell=int((counts[is_class] > 1).sum()),
                    near=int(is_near[is_class].sum()),
                )
            )
        num_colliding = np.bincount(
            objects.image_index[(counts > 1) | is_near], minlength=len(dataset.records)
        )
        worst = np.argsort(-num_colliding, kind="stable")[:_WORST].tolist()
        height, width = rule((1, 1))[0]
        return cls(
            seen_at=f"{width}×{height} px",
            stride=stride,
            classes=tuple(classes),
            worst=tuple(
                (str(dataset.records[i].path), int(num_colliding[i])) for i in worst if num_colliding[i]
            ),
        )

    def text(self, limit: int | None = None) -> list[str]:
        """The lines of a text report.

        Args:
            limit: Largest number of classes; None for all.
        """
        where = f"in inputs of {self.seen_at}, stride {self.stride}"
        crowded = [replace(one, name=shown(one.name)) for one in self.classes if one.in_cell or one.near]
        if not crowded:
            return [f"  no objects of one class share a cell or are side by side {where}"]
        crowded.sort(key=lambda one: (-one.in_cell, -one.near))
        total = ClassCrowding(
            name="all",
            **{
                key: sum(getattr(one, key) for one in self.classes)
                for key in ("num_objects", "pairs_in_cell", "in_cell", "near")
            },
        )
        width = max(len(one.name) for one in (*crowded, total, ClassCrowding(**_HEAD)))
        lines = [
            f"  of one class {where}",
            f"  {'class':{width}}{'objects':>9}{'pairs in a cell':>17}{'in a cell':>11}{'side by side':>14}",
        ]
        rows = [*crowded[:limit], total] if len(self.classes) > 1 else crowded
        lines += [
            f"  {one.name:{width}}{one.num_objects:9,}{one.pairs_in_cell:17,}{one.in_cell:11,}{one.near:14,}"
            for one in rows
        ]
        lines.append(
            "  most collide in " + ", ".join(f"{_name(path)} ({count})" for path, count in self.worst)
        )
        return lines

    def to_json(self) -> dict[str, Any]:
        """The content as values for json."""
        worst = [{"image": path, "objects": count} for path, count in self.worst]
        return {**asdict(self), "worst": worst}


_HEAD: dict[str, Any] = {"name": "class", "num_objects": 0, "pairs_in_cell": 0, "in_cell": 0, "near": 0}


def center_collisions(
    objects: Annotations, size: tuple[int, int], rule: ResizeRule, stride: int
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Masks of objects that share a cell with one of their class, and of others with one in a cell beside it.

    Args:
        objects: Annotations of one image; crowd regions never collide.
        size: Rows and columns of the image.
        rule: The resize rule of the input.
        stride: Input pixels from one cell to the next.
    """
    boxes = transform_boxes(rule(size)[1], objects.boxes.astype(np.float64))
    cells = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / stride).astype(np.int64)
    # Each crowd region gets a class of its own.
    labels = np.where(objects.is_crowd, -1 - np.arange(len(objects)), objects.labels)
    counts, is_near = _count_by_cell(np.column_stack([np.zeros_like(labels), labels, cells]))
    return counts > 1, is_near & (counts == 1)


def objects_by_cell(
    records: Sequence[ImageRecord], rule: ResizeRule, stride: int
) -> tuple[AnnotationTable, Int[np.ndarray, "m 4"]]:
    """All objects but crowd regions, and for each its key `(image, class, x, y)` with the centre's cell."""
    objects = AnnotationTable.of(records)
    objects = objects[~objects.is_crowd]
    starts = np.searchsorted(objects.image_index, np.arange(len(records) + 1))
    cells = np.zeros((len(objects), 2), dtype=np.int64)
    for index, record in enumerate(records):
        span = slice(starts[index], starts[index + 1])
        assert record.size is not None
        boxes = transform_boxes(rule(record.size)[1], objects.boxes[span])
        cells[span] = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / stride)
    return objects, np.column_stack([objects.image_index, objects.labels, cells])


def _count_by_cell(keys: Int[np.ndarray, "m 4"]) -> tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """The number of objects in the cell of each, itself included, and if a neighbouring cell has any."""
    distinct, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    is_near = np.zeros(len(distinct), dtype=bool)
    for step in ((0, 1), (1, -1), (1, 0), (1, 1)):
        is_near |= has_neighbour(distinct, step) | has_neighbour(distinct, (-step[0], -step[1]))
    return counts[inverse], is_near[inverse]


def has_neighbour(distinct: Int[np.ndarray, "m 4"], step: tuple[int, int]) -> Bool[np.ndarray, " m"]:
    """True for distinct keys `(image, class, x, y)` with another key at an offset of `step` cells."""
    moved = distinct + np.array([0, 0, *step])
    both = np.concatenate([distinct, moved])
    _, inverse, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)[len(distinct) :]] > 1


def _name(path: str) -> str:
    return path.rpartition("/")[2]
