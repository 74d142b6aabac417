"""How a cell tells its box: by centre and size (Zhou et al. 2019), or by sides (Tian et al. 2019, "FCOS")."""

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
    """Maps that tell a box in each cell."""

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps, by name."""
        ...

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """What the maps should hold at cells, each for one of the boxes."""
        ...

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted terms of how far what maps tell at cells is from targets; cells may have weights."""
        ...

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells, of what maps or targets tell at cells."""
        ...

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        ...

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps made surer by those of the mirror image."""
        ...


@dataclass(frozen=True, kw_only=True)
class CenterSizeCoder:
    """Tells how far the centre is from the corner of the cell, and the size: `offset` and `size`, in cells.

    Attributes:
        size_weight: Share of the L1 loss of the size.
        offset_weight: Share of the L1 loss of the offset.
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
        """What the maps should hold at cells, each for one of the boxes."""
        del stride
        return {"size": boxes.size[box_index], "offset": boxes.center[box_index] - cell_corners(cells)}

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted terms of how far what maps tell is from targets."""
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
        """Mean size; offsets of the input alone.

        As the original's: the offset of a mirrored centre is not the mirrored offset.
        """
        size = (maps["size"].float() + flipped["size"].float().flip(3)) / 2
        return {"size": size, "offset": maps["offset"]}


@dataclass(frozen=True, kw_only=True)
class LTRBCoder:
    """Tells how far left, top, right and bottom are from the middle of the cell: `sides`, in cells.

    The middle of the pixels of a cell, `(stride - 1) / 2` of them from the first, is where it is in a mirror
    too, so an input and its mirror image tell the same numbers. Of cells outside a box a side is negative.

    Attributes:
        sides_weight: Share of the L1 loss.
    """

    sides_weight: float

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps, by name."""
        return {"sides": HeadSpec(channels=4, at_cells=True)}

    def targets(
        self, boxes: CenterBoxes, cells: Int[Tensor, "p 3"], box_index: Int[Tensor, " p"], stride: int
    ) -> Targets:
        """What the maps should hold at cells, each for one of the boxes."""
        from_middle = boxes.center[box_index] - cell_corners(cells) - (stride - 1) / 2 / stride
        half = boxes.size[box_index] / 2
        return {"sides": torch.cat([half - from_middle, half + from_middle], dim=1)}

    def losses(
        self, predicted: Mapping[str, Tensor], targets: Targets, weights: Float[Tensor, " p"] | None = None
    ) -> dict[str, Tensor]:
        """Weighted terms of how far what maps tell is from targets."""
        return {"sides": self.sides_weight * l1_loss(predicted["sides"], targets["sides"], weights)}

    def boxes(self, predicted: Mapping[str, Tensor], cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
        """Boxes `(x1, y1, x2, y2)` in cells from the middle of the first cell."""
        middle = cell_corners(cells)
        return torch.cat([middle - predicted["sides"][..., :2], middle + predicted["sides"][..., 2:]], dim=-1)

    def pixels(self, boxes: Float[Tensor, "*n 4"], stride: int) -> Float[Tensor, "*n 4"]:
        """Boxes in input pixels."""
        return boxes * stride + (stride - 1) / 2

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean sides; the right side of a mirrored box is its left one."""
        back = flipped["sides"].float().flip(3)[:, [2, 1, 0, 3]]
        return {"sides": (maps["sides"].float() + back) / 2}


def predict_at(regression: BoxCoder, maps: Maps, cells: Int[Tensor, "*n 3"]) -> dict[str, Tensor]:
    """What maps tell at cells, by name."""
    return {name: read(maps[name], cells).float() for name in regression.heads}
