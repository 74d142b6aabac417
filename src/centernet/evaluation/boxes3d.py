"""KITTI's metrics of the 3D boxes of a data set, and their columns in the table by class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from centernet.detections import Detections
from centernet.evaluation.table import ClassRow
from centernet.metrics.kitti import (
    NEIGHBOURING_CLASSES,
    ORIGINAL,
    STRICT,
    KittiMetrics,
    KittiProtocol,
    evaluate_kitti,
)
from centernet.structures import Annotations, Categories, KittiObjects

_DIFFICULTY = "moderate"
_METRICS = ("3d", "bev", "aos")
_COLUMNS = {"3d": "3D_AP", "bev": "BEV_AP"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Box3dMetrics:
    """KITTI's metrics of 3D boxes over 40 recalls at the difficulty "moderate"; empty if there are none.

    Attributes:
        metrics: Metrics by two protocols: `original`, with a minimum 3D IoU of 0.5 (car) or 0.25, and
            `strict` with 0.7 or 0.5.
        notes: Remarks on the numbers, a line each.
    """

    metrics: tuple[KittiMetrics, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: Sequence[tuple[Annotations, Detections]], categories: Categories) -> "Box3dMetrics":
        """Evaluate the detections of each image against its ground truth, with labels of `categories`."""
        evaluated = [name for name in categories.names if name.lower() in NEIGHBOURING_CLASSES]
        if not evaluated:
            return cls(
                notes=(f"3D boxes are evaluated for {', '.join(NEIGHBOURING_CLASSES)} only: there are none",)
            )
        ground_truth, found = _ground_truth(pairs, categories), _found(pairs)
        return cls(
            metrics=tuple(evaluate_kitti(ground_truth, found, protocol) for protocol in (ORIGINAL, STRICT)),
            notes=(
                "3D_AP, BEV_AP: KITTI's over 40 recalls, moderate, original protocol; _strict: strict one",
            ),
        )

    def to_dict(self) -> dict[str, float]:
        """Metrics by name: means over the classes with objects, then those of each class."""
        means = {
            f"{column}{_suffix(one.protocol)}": _mean(
                [row.ap(metric) for row in one.classes if row.difficulty == _DIFFICULTY and row.objects]
            )
            for one in self.metrics
            for metric, column in _COLUMNS.items()
        }
        each = {
            f"{row.name}_{metric}_{_DIFFICULTY}{_suffix(one.protocol)}": row.ap(metric)
            for one in self.metrics
            for row in one.classes
            if row.difficulty == _DIFFICULTY and (row.objects or row.detections)
            for metric in _METRICS
        }
        return {**means, **each}

    def add_columns(self, rows: Sequence[ClassRow]) -> tuple[ClassRow, ...]:
        """Rows of a table by class with columns for 3D boxes added, NaN for classes without them."""
        columns = {
            f"{column}{_suffix(one.protocol)}": {
                row.name: row.ap(metric) for row in one.classes if row.difficulty == _DIFFICULTY
            }
            for one in self.metrics
            for metric, column in _COLUMNS.items()
        }
        return tuple(
            {
                **row,
                **{name: values.get(str(row["name"]).lower(), math.nan) for name, values in columns.items()},
            }
            for row in rows
        )


def _suffix(protocol: KittiProtocol) -> str:
    return "" if protocol is ORIGINAL else f"_{protocol.name}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _ground_truth(pairs: Sequence[tuple[Annotations, Detections]], categories: Categories) -> KittiObjects:
    """Ground truth as KITTI's rows.

    Ignored objects become a neighbouring class if there is one and they have a 3D box, else `DontCare`.
    """
    parts = [annotations for annotations, _ in pairs]
    joined = Annotations.joined(parts)
    has_box3d = np.isfinite(joined.boxes3d).all(axis=1)
    types = np.array([categories.names[label] for label in joined.labels], dtype=object)
    for row in np.flatnonzero(joined.is_crowd):
        neighbours = NEIGHBOURING_CLASSES.get(str(types[row]).lower(), ())
        types[row] = neighbours[0] if neighbours and has_box3d[row] else "DontCare"
    return _objects(
        [len(part) for part in parts],
        types,
        joined.boxes,
        joined.boxes3d,
        joined.alpha_rad,
        np.ones(len(joined)),
        joined.truncation,
        joined.occlusion,
    )


def _found(pairs: Sequence[tuple[Annotations, Detections]]) -> KittiObjects:
    parts = [detections for _, detections in pairs]
    count = sum(map(len, parts))
    return _objects(
        [len(part) for part in parts],
        np.array([name for part in parts for name in part.names], dtype=object),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.boxes3d for part in parts]),
        np.concatenate([part.alpha_rad for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.full(count, -1.0),
        np.full(count, -1.0),
    )


def _objects(
    counts: Sequence[int],
    types: np.ndarray,
    boxes: np.ndarray,
    boxes3d: np.ndarray,
    alpha_rad: np.ndarray,
    scores: np.ndarray,
    truncation: np.ndarray,
    occlusion: np.ndarray,
) -> KittiObjects:
    """Objects as KITTI's rows, with its placeholders for unknown values."""
    has_box3d = np.isfinite(boxes3d).all(axis=1, keepdims=True)
    unknown = np.array([-1.0] * 3 + [-1000.0] * 3 + [-10.0])
    return KittiObjects(
        frames=tuple(f"{number:06d}" for number in range(len(counts))),
        frame=np.repeat(np.arange(len(counts)), counts),
        lines=np.concatenate([np.arange(1, count + 1) for count in counts]).astype(np.int64),
        types=types.astype(str),
        truncation=truncation.astype(np.float64),
        occlusion=occlusion.astype(np.float64),
        alpha_rad=np.where(np.isfinite(alpha_rad), alpha_rad, -10.0).astype(np.float64),
        boxes=boxes.astype(np.float64),
        boxes3d=np.where(has_box3d, boxes3d, unknown).astype(np.float64),
        scores=scores.astype(np.float64),
    )
