"""Small networks that turn features into one map each, and how they start."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from centernet.models.convolutions import conv3x3, conv3x3_at
from centernet.ops.cells import read
from centernet.protocols import HeadSpec

_COST_OF_CELL = 4
"""About so many times what a cell of a whole map takes, on processors."""

SMALL = 0.001
"""Standard deviation that makes a head start near its bias."""


class MapConv(nn.Conv2d):
    """The convolution that gives a map, in 32 bits also where the network computes in 16.

    In bfloat16 a size of 100 cells is known to half a cell, and a depth, whose logarithm is nearly the
    output, to 1.6 %: no loss can teach more than that.
    """

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b m h w"]:
        """The map."""
        device = features.device.type
        if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
            return super().forward(features)
        with torch.autocast(device, enabled=False):
            return super().forward(features.float())


def build_head(
    in_channels: int, hidden_channels: int, spec: HeadSpec, *, separable: bool = False
) -> nn.Sequential:
    """3×3 convolution, ReLU, 1×1 convolution; starts at the bias of its map where that has one.

    Args:
        in_channels: Channels of the features.
        hidden_channels: Channels between the convolutions.
        spec: What the map is.
        separable: Of the 3×3 convolution: see `conv3x3`.
    """
    last = MapConv(hidden_channels, spec.channels, 1)
    assert last.bias is not None
    if spec.bias:
        nn.init.constant_(last.bias, spec.bias)
    hidden = conv3x3(in_channels, hidden_channels, separable=separable)
    return nn.Sequential(hidden, nn.ReLU(inplace=True), last)


@dataclass(frozen=True, eq=False)
class HeadAtCells:
    """The map of a head, computed only at the cells that are read: some hundred of the many thousands.

    Where a map is small, or so many are read that it is cheaper, it is computed as a whole.

    Not in training where the head `has_statistics`: they would be of those cells alone.

    Attributes:
        head: From `build_head`.
        features: What it is shown.
    """

    head: nn.Sequential
    features: Float[Tensor, "b c h w"]

    def at(self, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n m"]:
        """What the map holds at cells `(image, y, x)`."""
        if self._is_cheaper_whole(cells):
            return read(self.head(self.features), cells)
        hidden = conv3x3_at(self.head[0], self.features, cells.reshape(-1, 3))
        # Not −1: there may be no cell at all.
        said = self.head[1:](hidden)
        return said.reshape(*cells.shape[:-1], said.shape[1])

    def _is_cheaper_whole(self, cells: Int[Tensor, "*n 3"]) -> bool:
        # A graph is for maps of all sizes.
        if torch.compiler.is_exporting():
            return False
        images, _, height, width = self.features.shape
        return _COST_OF_CELL * cells.shape[:-1].numel() > images * height * width


def has_statistics(head: nn.Sequential) -> bool:
    """Whether something in it learns from all cells of the maps: the normalisation of a separable head."""
    return any(isinstance(layer, nn.BatchNorm2d) for layer in head.modules())


def start_small(head: nn.Sequential, *, hidden: bool) -> None:
    """Makes a head that regresses start near zero.

    Args:
        head: From `build_head`.
        hidden: Also the 3×3 convolution, as in the original's deformable networks.
    """
    for layer in (head[0], head[2]) if hidden else (head[2],):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.normal_(layer.weight, std=SMALL)
        nn.init.zeros_(layer.bias)


def clear_biases(head: nn.Sequential) -> None:
    """Makes the biases of a head that regresses start at zero; its weights start as torch's do."""
    for layer in (head[0], head[2]):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
