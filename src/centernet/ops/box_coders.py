"""Box regression at cells: centre and size (Zhou et al. 2019), or four sides (Tian et al. 2019, "FCOS")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import cell_corners, read
from centernet.ops.center_boxes import CenterBoxes, boxes_at
from centernet.ops.losses import l1_loss
from centernet.protocols import HeadSpec, Maps, Targets


@runtime_checkable
class BoxCoder(Protocol):
    """Encodes boxes as regression targets at cells, and decodes boxes from regression maps."""

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps, by name."""
        ...

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """Regression targets at cells, each for the box that `box_index` names."""
        ...

    def decode(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predictions from the values of the maps at cells."""
        ...

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted regression losses by name; `weights` are those of the cells in the mean."""
        ...

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells, from values predicted (or targets) at cells."""
        ...

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        ...

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps of an input, averaged with those of the flipped input."""
        ...


@dataclass(frozen=True, kw_only=True)
class CenterSizeCoder:
    """Codes a box as the offset of its centre from the corner of the cell, and its size: both in cells.

    Attributes:
        size_weight: Weight of the L1 loss of the size.
        offset_weight: Weight of the L1 loss of the offset.
    """

    size_weight: float
    offset_weight: float

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps, by name."""
        return {
            "offset": HeadSpec(channels=2, at_cells=True),
            "size": HeadSpec(channels=2, at_cells=True),
        }

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """Regression targets at cells, each for the box that `box_index` names."""
        del stride
        return {"size": boxes.size[box_index], "offset": boxes.center[box_index] - cell_corners(cells)}

    def decode(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values themselves."""
        return dict(values)

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted L1 losses by name."""
        return {
            "size": self.size_weight * l1_loss(predicted["size"], targets["size"], weights),
            "offset": self.offset_weight * l1_loss(predicted["offset"], targets["offset"], weights),
        }

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells."""
        return boxes_at(cells, predicted["offset"], predicted["size"])

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        return boxes * stride

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean of both sizes; offsets of the input alone.

        As in the original: flipping the image does not flip the offset of a centre within its cell.
        """
        size = (maps["size"].float() + flipped["size"].float().flip(3)) / 2
        return {"size": size, "offset": maps["offset"]}


@dataclass(frozen=True, kw_only=True)
class LTRBCoder:
    """Codes a box as distances from the middle of the cell to left, top, right and bottom: `sides`, in cells.

    The middle of a cell lies `(stride - 1) / 2` pixels from its first pixel. A horizontal flip maps middles
    of cells to middles of cells, so it swaps left and right and changes nothing else. Distances are negative
    where the cell lies outside the box.

    Attributes:
        sides_weight: Weight of the L1 loss.
    """

    sides_weight: float

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps, by name."""
        return {"sides": HeadSpec(channels=4, at_cells=True)}

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """Regression targets at cells, each for the box that `box_index` names."""
        from_middle = boxes.center[box_index] - cell_corners(cells) - (stride - 1) / 2 / stride
        half = boxes.size[box_index] / 2
        return {"sides": torch.cat([half - from_middle, half + from_middle], dim=1)}

    def decode(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The values themselves."""
        return dict(values)

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted L1 losses by name."""
        return {"sides": self.sides_weight * l1_loss(predicted["sides"], targets["sides"], weights)}

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells from the middle of the first cell."""
        middle = cell_corners(cells)
        return torch.cat([middle - predicted["sides"][..., :2], middle + predicted["sides"][..., 2:]], dim=-1)

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        return boxes * stride + (stride - 1) / 2

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean of both, with left and right of the flipped maps swapped."""
        back = flipped["sides"].float().flip(3)[:, [2, 1, 0, 3]]
        return {"sides": (maps["sides"].float() + back) / 2}


def predict_at(box_coder: BoxCoder, maps: Maps, cells: Int[Tensor, "*n 3"]) -> dict[str, Tensor]:
    """Predictions of a box coder at cells, by name."""
    return box_coder.decode({name: read(maps[name], cells).float() for name in box_coder.heads})
