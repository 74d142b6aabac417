"""Small networks that turn features into one map each, and how they start."""

from torch import nn

from centernet.protocols import HeadSpec

SMALL = 0.001
"""Standard deviation that makes a head start near its bias."""


def build_head(in_channels: int, hidden_channels: int, spec: HeadSpec) -> nn.Sequential:
    """3×3 convolution, ReLU, 1×1 convolution."""
    head = nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden_channels, spec.channels, 1),
    )
    assert head[2].bias is not None
    nn.init.constant_(head[2].bias, spec.bias)
    return head


def start_small(head: nn.Sequential, *, hidden: bool) -> None:
    """Makes a head that regresses start near zero.

    Args:
        head: From `build_head`.
        hidden: Also the 3×3 convolution, as in the original's deformable networks.
    """
    for index in (0, 2) if hidden else (2,):
        nn.init.normal_(head[index].weight, std=SMALL)
        nn.init.zeros_(head[index].bias)
