"""How crowded a data set is for a detector of centres: what shares a cell, and what lies side by side."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from centernet.errors import UsageError
from centernet.geometry.affine import transform_boxes
from centernet.geometry.resize import Letterbox, ResizeRule
from centernet.structures import Annotations, Dataset, ImageRecord
from centernet.structures.annotation_table import AnnotationTable

_WORST = 5
"""Images that are named."""


def square_input(imgsz: int, stride: int) -> Letterbox:
    """How images are shown on square inputs.

    Raises:
        UsageError: An input without cells.
    """
    if stride < 1 or imgsz < stride:
        raise UsageError(f"stride is 1 pixel or more, imgsz as much or more; got {stride} and {imgsz}")
    return Letterbox(height=imgsz, width=imgsz)


@dataclass(frozen=True, kw_only=True)
class ClassCrowding:
    """How often objects of a class get in each other's way.

    Attributes:
        name: The class.
        num_objects: Objects of it, crowd regions not counted.
        pairs_in_cell: Pairs with centres in one cell: what Zhou et al. 2019, "Objects as Points", sec. 3,
            counts (614 pairs among 860 001 objects of COCO at stride 4).
        in_cell: Objects that share a cell with another.
        near: Others that have one in one of the eight cells round theirs; the 3×3 peak test may lose them.
    """

    name: str
    num_objects: int
    pairs_in_cell: int
    in_cell: int
    near: int


@dataclass(frozen=True, kw_only=True)
class Crowding:
    """How often objects of one class meet.

    Attributes:
        seen_at: Size of the inputs, for messages.
        stride: Input pixels from one cell to the next.
        classes: One for each, in the order of labels.
        worst: Images in which most objects meet, with how many do, the worst first.
    """

    seen_at: str
    stride: int
    classes: tuple[ClassCrowding, ...]
    worst: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, dataset: Dataset, rule: ResizeRule, stride: int) -> "Crowding":
        """Count them in one go.

        Args:
            dataset: Cleaned, so that every image has a size.
            rule: How images are shown to the network.
            stride: Input pixels from one cell to the next.
        """
        objects, keys = objects_by_cell(dataset.records, rule, stride)
        counts, is_near = _company(keys)
        is_near &= counts == 1
        classes = []
        for label, name in enumerate(dataset.categories.names):
            mine = objects.labels == label
            classes.append(
                ClassCrowding(
                    name=name,
                    num_objects=int(mine.sum()),
                    # Each object of a cell with n sees n − 1 others, and each pair is seen twice.
                    pairs_in_cell=int((counts[mine] - 1).sum()) // 2,
                    in_cell=int((counts[mine] > 1).sum()),
                    near=int(is_near[mine].sum()),
                )
            )
        meets = np.bincount(objects.image_index[(counts > 1) | is_near], minlength=len(dataset.records))
        worst = np.argsort(-meets, kind="stable")[:_WORST].tolist()
        height, width = rule((1, 1))[0]
        return cls(
            seen_at=f"{width}×{height} px",
            stride=stride,
            classes=tuple(classes),
            worst=tuple((str(dataset.records[i].path), int(meets[i])) for i in worst if meets[i]),
        )

    def text(self, limit: int | None = None) -> list[str]:
        """Lines to read.

        Args:
            limit: Classes that are shown; None for all.
        """
        where = f"in inputs of {self.seen_at}, stride {self.stride}"
        crowded = [one for one in self.classes if one.in_cell or one.near]
        if not crowded:
            return [f"  no objects of one class meet in a cell or lie side by side {where}"]
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
        lines.append("  most meet in " + ", ".join(f"{_name(path)} ({count})" for path, count in self.worst))
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        worst = [{"image": path, "objects": count} for path, count in self.worst]
        return {**asdict(self), "worst": worst}


_HEAD: dict[str, Any] = {"name": "class", "num_objects": 0, "pairs_in_cell": 0, "in_cell": 0, "near": 0}


def center_collisions(
    objects: Annotations, size: tuple[int, int], rule: ResizeRule, stride: int
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which objects of an image share a cell with one of their class, and which others have one beside it.

    Args:
        objects: Of one image; crowd regions meet nothing.
        size: Rows and columns of the image.
        rule: How it is shown to the network.
        stride: Input pixels from one cell to the next.
    """
    boxes = transform_boxes(rule(size)[1], objects.boxes.astype(np.float64))
    cells = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / stride).astype(np.int64)
    # A region is a class of its own.
    labels = np.where(objects.is_crowd, -1 - np.arange(len(objects)), objects.labels)
    counts, is_near = _company(np.column_stack([np.zeros_like(labels), labels, cells]))
    return counts > 1, is_near & (counts == 1)


def objects_by_cell(
    records: Sequence[ImageRecord], rule: ResizeRule, stride: int
) -> tuple[AnnotationTable, Int[np.ndarray, "m 4"]]:
    """All objects but crowd regions, and of each `(image, class, x, y)`, the cell of its centre."""
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


def _company(keys: Int[np.ndarray, "m 4"]) -> tuple[Int[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """How many objects have each one's cell, itself included, and whether a cell beside it has any."""
    distinct, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    is_near = np.zeros(len(distinct), dtype=bool)
    for step in ((0, 1), (1, -1), (1, 0), (1, 1)):
        is_near |= has_neighbour(distinct, step) | has_neighbour(distinct, (-step[0], -step[1]))
    return counts[inverse], is_near[inverse]


def has_neighbour(distinct: Int[np.ndarray, "m 4"], step: tuple[int, int]) -> Bool[np.ndarray, " m"]:
    """Which of different `(image, class, x, y)` have another one cell away, `step` off."""
    moved = distinct + np.array([0, 0, *step])
    both = np.concatenate([distinct, moved])
    _, inverse, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)[len(distinct) :]] > 1


def _name(path: str) -> str:
    return path.rpartition("/")[2]
