"""Keypoints of a data set: the tolerances they are measured with, and their numbers beside those of boxes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from centernet.evaluation.table import ClassRow
from centernet.metrics.oks import DEFAULT_SIGMA, OksMetrics
from centernet.metrics.pck import PckMetrics
from centernet.structures import Skeleton


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """The sigmas of OKS of each category with keypoints.

    Attributes:
        sigmas: By category id.
        notes: Which categories have none of their own, and what they get; empty where all have.
    """

    sigmas: Mapping[int, tuple[float, ...]]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, ids: Sequence[int], names: Sequence[str], skeletons: Sequence[Skeleton | None]
    ) -> "Tolerances":
        """Those that the skeletons say; the mean of COCO's where they do not."""
        known = {number: one for number, one in zip(ids, skeletons, strict=False) if one}
        unknown = [
            name
            for number, name in zip(ids, names, strict=True)
            if number in known and not known[number].sigmas
        ]
        return cls(
            sigmas={number: one.sigmas or (DEFAULT_SIGMA,) * len(one) for number, one in known.items()},
            notes=(f"no sigmas are known for {', '.join(unknown)}: OKS with {DEFAULT_SIGMA:g}, COCO's mean",)
            * bool(unknown),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class KeypointNumbers:
    """What is measured of keypoints beside boxes; nothing where there are none.

    Attributes:
        oks: COCO's numbers.
        pck: Distances; None where only files are compared.
    """

    oks: OksMetrics | None = None
    pck: PckMetrics | None = None

    def to_dict(self) -> dict[str, float]:
        """The numbers of the whole by name."""
        return {**(self.oks.to_dict() if self.oks else {}), **(self.pck.to_dict() if self.pck else {})}

    def beside(self, rows: Sequence[ClassRow], ids: Sequence[int]) -> tuple[ClassRow, ...]:
        """Rows of a table by class with the numbers of keypoints added; NaN for classes without keypoints.

        Args:
            rows: One for each category.
            ids: The categories.
        """
        columns: dict[str, dict[int, float]] = {}
        if self.oks:
            columns["OKS_AP"] = {one.category_id: one.ap for one in self.oks.classes}
            columns["OKS_AP50"] = {one.category_id: one.ap50 for one in self.oks.classes}
        if self.pck:
            columns["PCK"] = {one.category_id: one.pck for one in self.pck.classes}
        return tuple(
            {**row, **{name: values.get(number, math.nan) for name, values in columns.items()}}
            for row, number in zip(rows, ids, strict=True)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the numbers mean, in a line."""
        if not self.pck:
            return ()
        return (
            f"PCK: keypoints within {self.pck.alpha:g} of the longer side of the box; keypoint_error_px: "
            f"of the objects found at IoU {self.pck.min_iou:g}",
        )

    def to_json(self) -> list[dict[str, Any]]:
        """A row for each keypoint: its class, name, how often it is labelled, and its numbers."""
        return [
            {
                "class": one.name,
                "keypoint": name,
                "labelled": int(one.keypoint_labelled[number]),
                "PCK": _plain(one.keypoint_pck[number]),
                "error_px": _plain(one.keypoint_error_px[number]),
            }
            for one in (self.pck.classes if self.pck else ())
            for number, name in enumerate(one.keypoints)
        ]


def _plain(value: np.floating) -> float | None:
    return None if math.isnan(value) else float(value)
