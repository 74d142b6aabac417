"""3×3 convolutions, whole or in two steps."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


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


def conv3x3_at(
    conv: nn.Module, features: Float[Tensor, "b c h w"], cells: Int[Tensor, "n 3"]
) -> Float[Tensor, "n d 1 1"]:
    """What a convolution from `conv3x3` gives at cells `(image, y, x)`, computed there alone."""
    height, width = features.shape[2:]
    steps = torch.arange(-1, 2, device=cells.device)
    image, y, x = cells[:, :, None, None].unbind(1)
    y, x = y + steps[:, None], x + steps
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    patches = features[image, :, y.clamp(0, height - 1), x.clamp(0, width - 1)] * inside[..., None]
    first = conv[0] if isinstance(conv, nn.Sequential) else conv
    assert isinstance(first, nn.Conv2d)
    # Channels come last, as they lie in memory.
    weight = first.weight.permute(2, 3, 1, 0)
    if first.groups > 1:
        result = (patches * weight[:, :, 0]).sum(dim=(1, 2))
    else:
        result = F.linear(patches.flatten(1), weight.flatten(0, 2).T, first.bias)
    result = result[:, :, None, None]
    return conv[1:](result) if isinstance(conv, nn.Sequential) else result
