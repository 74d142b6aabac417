"""Heads: small networks that turn features into one map each, and their initialisation."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from centernet.models.convolutions import conv3x3, conv3x3_at
from centernet.ops.cells import read
from centernet.protocols import HeadSpec

_COST_OF_CELL = 4
"""Approximate time of a cell computed alone, relative to a cell of the whole map, on processors."""

SMALL = 0.001
"""Standard deviation of weights for which the initial output of a head is close to its bias."""


class MapConv(nn.Conv2d):
    """The last convolution of a head, computed in 32 bits even where the network runs in 16.

    In bfloat16 a size of 100 cells is rounded to half a cell, and a depth, whose logarithm is nearly the
    output, to 1.6 %: no loss could improve on that.
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
    """A head of a 3×3 convolution, ReLU and a 1×1 convolution, whose bias starts at that of the spec if set.

    Args:
        in_channels: Channels of the features.
        hidden_channels: Channels between the convolutions.
        spec: The map that the head predicts.
        separable: Make the 3×3 convolution separable: see `conv3x3`.
    """
    last = MapConv(hidden_channels, spec.channels, 1)
    assert last.bias is not None
    if spec.bias:
        nn.init.constant_(last.bias, spec.bias)
    hidden = conv3x3(in_channels, hidden_channels, separable=separable)
    return nn.Sequential(hidden, nn.ReLU(inplace=True), last)


@dataclass(frozen=True, eq=False)
class HeadAtCells:
    """The map of a head, computed only at the cells that are read: some hundred of many thousands.

    The whole map is computed instead where that is cheaper: for small maps, or if many cells are read.

    Not for training a head that `has_batch_norm`: its statistics would be those of the cells read.

    Attributes:
        head: Head from `build_head`.
        features: Input of the head.
    """

    head: nn.Sequential
    features: Float[Tensor, "b c h w"]

    def at(self, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n m"]:
        """Values of the map at cells `(image, y, x)`."""
        if self._is_cheaper_whole(cells):
            return read(self.head(self.features), cells)
        hidden = conv3x3_at(self.head[0], self.features, cells.reshape(-1, 3))
        values = self.head[1:](hidden)
        # Not −1 for the channels: there may be no cells.
        return values.reshape(*cells.shape[:-1], values.shape[1])

    def _is_cheaper_whole(self, cells: Int[Tensor, "*n 3"]) -> bool:
        # An exported graph is used for maps of all sizes.
        if torch.compiler.is_exporting():
            return False
        images, _, height, width = self.features.shape
        return _COST_OF_CELL * cells.shape[:-1].numel() > images * height * width


def has_batch_norm(head: nn.Sequential) -> bool:
    """True for separable heads: their batch normalisation needs the statistics of all cells."""
    return any(isinstance(layer, nn.BatchNorm2d) for layer in head.modules())


def start_small(head: nn.Sequential, *, hidden: bool) -> None:
    """Initialises a regression head so that its first output is close to 0.

    Args:
        head: Head from `build_head`.
        hidden: Initialise the 3×3 convolution too, as in the deformable networks of the original.
    """
    for layer in (head[0], head[2]) if hidden else (head[2],):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.normal_(layer.weight, std=SMALL)
        nn.init.zeros_(layer.bias)


def clear_biases(head: nn.Sequential) -> None:
    """Initialises the biases of a regression head with 0; its weights keep PyTorch's initialisation."""
    for layer in (head[0], head[2]):
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
