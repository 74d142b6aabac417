"""Small networks that turn features into one map each, and how they start."""

from torch import nn

from centernet.protocols import HeadSpec

SMALL = 0.001
"""Standard deviation that makes a head start near its bias."""


def build_head(in_channels: int, hidden_channels: int, spec: HeadSpec) -> nn.Sequential:
    """3×3 convolution, ReLU, 1×1 convolution; starts at the bias of its map where that has one."""
    last = nn.Conv2d(hidden_channels, spec.channels, 1)
    assert last.bias is not None
    if spec.bias:
        nn.init.constant_(last.bias, spec.bias)
    return nn.Sequential(nn.Conv2d(in_channels, hidden_channels, 3, padding=1), nn.ReLU(inplace=True), last)


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
