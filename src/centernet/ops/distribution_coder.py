"""Boxes as distributions over distances to their sides: Li et al. 2020, "Generalized Focal Loss", sec. 3.2.

There the distances are evenly spaced. Here their spacing grows with the distance, and their unit is the
typical distance of the training boxes, so that a few of them hold boxes of all sizes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.box_coders import LTRBCoder
from centernet.ops.center_boxes import CenterBoxes
from centernet.ops.losses import l1_loss
from centernet.protocols import HeadSpec, Maps, Targets

_TYPICAL = 4
"""The number of the bin whose distance is the typical one."""

_GROWTH = 0.25
"""Bin k is at `sinh(k * _GROWTH)`: evenly spaced near 0, each 28 % further than the last far from it."""

_ENTROPY = 3.0
"""Weight of the cross-entropy of the bins, relative to that of the L1 loss."""


@dataclass(frozen=True, kw_only=True)
class DistributionCoder:
    """Codes a box as four distributions over `bins` distances, whose means are the distances to its sides.

    The logits of left, top, right and bottom lie one after the other in the map `sides`.

    Attributes:
        sides_weight: Weight of the L1 loss of the means, relative to `scale`.
        scale: Typical distance, cells.
        bins: Number of distances, from 0 on.
    """

    sides_weight: float
    scale: float
    bins: int

    def __post_init__(self) -> None:
        if self.bins < 2 or self.scale <= 0 or self.sides_weight <= 0:
            raise ValueError(
                "box_bins is a number of distances from 2 on, with box_scale and sides_weight above 0; got "
                f"{self.bins}, {self.scale} and {self.sides_weight}"
            )

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The map, by name."""
        return {"sides": HeadSpec(channels=4 * self.bins, at_cells=True)}

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """Distances to the four sides at cells, in cells."""
        return self._ltrb.targets(boxes, cells, box_index, stride)

    def decode(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Mean distances `sides` `(*n 4)`, cells, and the logits `side_logits` `(*n 4 bins)`."""
        sides = values["sides"]
        logits = sides.view(*sides.shape[:-1], 4, self.bins) + self._prior(sides)
        means = (logits.softmax(dim=-1) * self._distances(logits)).sum(dim=-1)
        return {"sides": means, "side_logits": logits}

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """L1 loss of the means over `scale`, and cross-entropy of the two bins next to a target (eq. 6)."""
        logits, sides = predicted["side_logits"], targets["sides"]
        distances = self._distances(logits)
        within = sides.clamp(0, float(distances[-1])).contiguous()
        upper = torch.searchsorted(distances, within).clamp(min=1)
        fraction = (within - distances[upper - 1]) / (distances[upper] - distances[upper - 1])
        log_p = logits.log_softmax(dim=-1)
        at_lower, at_upper = (log_p.gather(-1, at[..., None])[..., 0] for at in (upper - 1, upper))
        entropy = -(1 - fraction) * at_lower - fraction * at_upper
        l1 = l1_loss(predicted["sides"] / self.scale, sides / self.scale, weights)
        return {
            "sides": self.sides_weight * l1,
            "side_bins": self.sides_weight * _ENTROPY * l1_loss(entropy, torch.zeros_like(entropy), weights),
        }

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells, relative to the middle of the first cell."""
        return self._ltrb.boxes(predicted, cells)

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        return self._ltrb.pixels(boxes, stride)

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Logits of the mean of both distributions, with left and right of the flipped maps swapped."""
        batch, _, height, width = maps["sides"].shape
        shape = (batch, 4, self.bins, height, width)
        plain, back = (one["sides"].float().reshape(shape) for one in (maps, flipped))
        back = back.flip(4)[:, [2, 1, 0, 3]]
        prior = self._prior(plain)[:, None, None]
        mean = torch.logaddexp((plain + prior).log_softmax(2), (back + prior).log_softmax(2)) - math.log(2)
        return {"sides": (mean - prior).flatten(1, 2)}

    @property
    def _ltrb(self) -> LTRBCoder:
        return LTRBCoder(sides_weight=self.sides_weight)

    def _distances(self, like: Tensor) -> Float[Tensor, " bins"]:
        unit = self.scale / math.sinh(_TYPICAL * _GROWTH)
        return like.new_tensor([unit * math.sinh(k * _GROWTH) for k in range(self.bins)])

    def _prior(self, like: Tensor) -> Float[Tensor, " bins"]:
        """Logits that are added, with which the boxes of an untrained head are of the typical size."""
        return like.new_tensor([-((k - _TYPICAL) ** 2) / 8 for k in range(self.bins)])
