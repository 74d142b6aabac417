"""Crowding of a data set for a centre-based detector: centres in one cell, and in neighbouring cells."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from centernet.errors import UsageError, check_bounds, shown
from centernet.geometry.affine import transform_boxes
from centernet.geometry.many_images import boxes_in_inputs
from centernet.geometry.resize import Letterbox, ResizeRule
from centernet.structures import Annotations, Dataset, ImageRecord
from centernet.structures.annotation_table import AnnotationTable
from centernet.structures.records import Records

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
    def of(
        cls, dataset: Dataset, rule: ResizeRule, stride: int, found: "ObjectCells | None" = None
    ) -> "Crowding":
        """The collisions in a data set.

        Args:
            dataset: Cleaned, so that every image has a size.
            rule: The resize rule of the inputs.
            stride: Input pixels from one cell to the next.
            found: The cells of its objects, where they are known.
        """
        found = found or ObjectCells.of(dataset.records, rule, stride)
        objects, counts = found.objects, found.cells.counts
        is_near = found.cells.is_near() & (counts == 1)

        def by_class(number_of: np.ndarray) -> list[int]:
            sums = np.bincount(objects.labels, number_of, minlength=len(dataset.categories))
            return sums.astype(np.int64).tolist()

        rows = zip(
            dataset.categories.names,
            by_class(np.ones(len(objects))),
            by_class(counts - 1),
            by_class(counts > 1),
            by_class(is_near),
            strict=True,
        )
        classes = [
            # Each object of a cell with n has n − 1 others, and each pair is counted twice.
            ClassCrowding(name=name, num_objects=total, pairs_in_cell=others // 2, in_cell=inside, near=near)
            for name, total, others, inside, near in rows
        ]
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
    found = Cells(np.column_stack([np.zeros_like(labels), labels, cells]))
    return found.counts > 1, found.is_near() & (found.counts == 1)


class Cells:
    """The cell of each of some objects, and which objects have others in their cell or beside it.

    Args:
        keys: Image, class, x and y of each object.
    """

    def __init__(self, keys: Int[np.ndarray, "m 4"]) -> None:
        low = keys.min(axis=0) if len(keys) else np.zeros(4, np.int64)
        high = keys.max(axis=0) if len(keys) else low
        # One number for each key, as rows are slow to sort; the cells beside the last column and row are none
        # of another class.
        extents = (high - low + np.array([1, 1, 3, 3])).tolist()
        steps = [math.prod(extents[place + 1 :]) for place in range(4)]
        kind = np.int64 if math.prod(extents) < 2**63 else object
        self._steps = np.array(steps, dtype=kind)
        numbers = ((keys - low).astype(kind) * self._steps).sum(axis=1)
        self._distinct, first, inverse, counts = np.unique(
            numbers, return_index=True, return_inverse=True, return_counts=True
        )
        inverse = inverse.reshape(-1)
        self._inverse = inverse
        self._keys = keys[first]
        self.first = first[inverse]
        self.counts = counts[inverse]

    def is_near(self) -> Bool[np.ndarray, " m"]:
        """True for objects with another one in a cell beside theirs."""
        is_near = np.zeros(len(self._distinct), dtype=bool)
        for x, y in STEPS:
            is_near |= self._has_neighbour(x, y) | self._has_neighbour(-x, -y)
        return is_near[self._inverse]

    def with_neighbour(self, x: int, y: int) -> Int[np.ndarray, "_ 4"]:
        """The keys of distinct cells with objects at an offset from them, too."""
        return self._keys[self._has_neighbour(x, y)]

    def _has_neighbour(self, x: int, y: int) -> Bool[np.ndarray, " _"]:
        if not len(self._distinct):
            return np.zeros(0, dtype=bool)
        moved = self._distinct + (self._steps[2] * x + self._steps[3] * y)
        places = np.minimum(np.searchsorted(self._distinct, moved), len(self._distinct) - 1)
        return (self._distinct[places] == moved).astype(bool)


STEPS = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Half of the eight neighbours: the other half gives the same pairs."""


@dataclass(frozen=True, kw_only=True)
class ObjectCells:
    """All objects of a data set but crowd regions, and the cell of each.

    Attributes:
        objects: The objects.
        keys: Image, class, x and y of each; x and y are those of the cell of its centre.
        cells: The cells.
    """

    objects: AnnotationTable
    keys: Int[np.ndarray, "m 4"]
    cells: Cells

    @classmethod
    def of(cls, records: Sequence[ImageRecord], rule: ResizeRule, stride: int) -> "ObjectCells":
        """The objects of images that have sizes."""
        objects = AnnotationTable.of(records)
        objects = objects[~objects.is_crowd]
        boxes = boxes_in_inputs(rule, Records.of(records).sizes, objects.image_index, objects.boxes)
        cells = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / stride).astype(np.int64)
        keys = np.column_stack([objects.image_index, objects.labels, cells])
        return cls(objects=objects, keys=keys, cells=Cells(keys))


def _name(path: str) -> str:
    return path.rpartition("/")[2]
