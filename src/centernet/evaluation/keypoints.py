"""Metrics of the keypoints of a data set, the sigmas of OKS, and their columns in the table by class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from centernet.errors import listed
from centernet.evaluation.table import ClassRow, json_value
from centernet.metrics.oks import DEFAULT_SIGMA, OksMetrics
from centernet.metrics.pck import PckMetrics
from centernet.structures import Skeleton


@dataclass(frozen=True, kw_only=True)
class KeypointSigmas:
    """Sigmas of OKS for each category with keypoints.

    Attributes:
        by_category: Sigma of each keypoint by category id.
        notes: A line on categories without known sigmas and the default for them; empty if all are known.
    """

    by_category: Mapping[int, tuple[float, ...]]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, ids: Sequence[int], names: Sequence[str], skeletons: Sequence[Skeleton | None]
    ) -> "KeypointSigmas":
        """The sigmas of the skeletons; the mean of COCO's for skeletons without."""
        known = {number: one for number, one in zip(ids, skeletons, strict=False) if one}
        unknown = [
            name
            for number, name in zip(ids, names, strict=True)
            if number in known and not known[number].sigmas
        ]
        return cls(
            by_category={number: one.sigmas or (DEFAULT_SIGMA,) * len(one) for number, one in known.items()},
            notes=(f"no sigmas are known for {listed(unknown)}: OKS with {DEFAULT_SIGMA:g}, COCO's mean",)
            * bool(unknown),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class KeypointMetrics:
    """Metrics of keypoints; empty if there are none.

    Attributes:
        oks: COCO's metrics.
        pck: PCK and distances; None if result files are compared.
    """

    oks: OksMetrics | None = None
    pck: PckMetrics | None = None

    def to_dict(self) -> dict[str, float]:
        """Metrics of the whole data set by name."""
        return {**(self.oks.to_dict() if self.oks else {}), **(self.pck.to_dict() if self.pck else {})}

    def add_columns(self, rows: Sequence[ClassRow], ids: Sequence[int]) -> tuple[ClassRow, ...]:
        """Rows of a table by class with columns for keypoints added, NaN for classes without keypoints.

        Args:
            rows: One row for each category.
            ids: Ids of the categories.
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
        """Definition of PCK in a line; empty without PCK."""
        if not self.pck:
            return ()
        return (
            f"PCK: keypoints within {self.pck.alpha:g} of the longer side of the box; keypoint_error_px: "
            f"mean distance, objects found at IoU {self.pck.min_iou:g}",
        )

    def to_json(self) -> list[dict[str, Any]]:
        """A row for each keypoint: class, name, number of labels, PCK and mean distance."""
        return [
            {
                "class": one.name,
                "keypoint": name,
                "labelled": int(one.keypoint_labelled[index]),
                "PCK": json_value(float(one.keypoint_pck[index])),
                "error_px": json_value(float(one.keypoint_error_px[index])),
            }
            for one in (self.pck.classes if self.pck else ())
            for index, name in enumerate(one.keypoints)
        ]
