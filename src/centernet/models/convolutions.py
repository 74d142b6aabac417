"""3×3 convolutions, whole or in two steps."""

from torch import nn


def conv3x3(in_channels: int, out_channels: int, *, separable: bool = False, bias: bool = True) -> nn.Module:
    """A 3×3 convolution that keeps rows and columns.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        separable: Each channel by itself first, then all of them at each place, which takes about a ninth of
            the multiplications: Howard et al. 2017, "MobileNets", sec. 3.1.
        bias: Add a number to each channel.
    """
    if not separable:
        return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.Conv2d(in_channels, out_channels, 1, bias=bias),
    )
