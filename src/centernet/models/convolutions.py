"""3×3 convolutions: ordinary, depth-wise separable, and deformable."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

TAPS = 9
"""Sampling points of a 3×3 kernel."""


def conv3x3(in_channels: int, out_channels: int, *, separable: bool = False, bias: bool = True) -> nn.Module:
    """A 3×3 convolution with padding 1.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        separable: A depth-wise and a 1×1 convolution, which take about a ninth of the multiplications:
            Howard et al. 2017, "MobileNets", sec. 3.1.
        bias: Add a bias to each output channel.
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
    """The output of a convolution from `conv3x3` at cells `(image, y, x)`, computed only there."""
    height, width = features.shape[2:]
    steps = torch.arange(-1, 2, device=cells.device)
    image, y, x = cells[:, :, None, None].unbind(1)
    y, x = y + steps[:, None], x + steps
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    patches = features[image, :, y.clamp(0, height - 1), x.clamp(0, width - 1)] * inside[..., None]
    first = conv[0] if isinstance(conv, nn.Sequential) else conv
    assert isinstance(first, nn.Conv2d)
    # Channels last, as in memory.
    weight = first.weight.permute(2, 3, 1, 0)
    if first.groups > 1:
        result = (patches * weight[:, :, 0]).sum(dim=(1, 2))
    else:
        result = F.linear(patches.flatten(1), weight.flatten(0, 2).T, first.bias)
    result = result[:, :, None, None]
    return conv[1:](result) if isinstance(conv, nn.Sequential) else result


class DeformableConv(nn.Module):
    """A 3×3 convolution with predicted offsets and masks: Zhu et al. 2019, "Deformable ConvNets v2".

    One `grid_sample` and one matrix product: unlike a compiled operator, it runs in bfloat16, trains, and can
    be exported. It starts as an ordinary convolution of half the weights: offsets 0, masks 0.5.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.offset_mask = nn.Conv2d(in_channels, 3 * TAPS, 3, padding=1)
        bound = (in_channels * TAPS) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.offset_mask.weight)
        assert self.offset_mask.bias is not None
        nn.init.zeros_(self.offset_mask.bias)

    def forward(self, features: Float[Tensor, "b in h w"]) -> Float[Tensor, "b out h w"]:
        """Features of the same resolution; samples outside the map are 0."""
        batch, _, height, width = features.shape
        offsets, mask = self.offset_mask(features).split([2 * TAPS, TAPS], dim=1)
        # Pairs `(dy, dx)`, tap after tap.
        offsets = offsets.float().view(-1, TAPS, 2, height, width)
        tap = torch.arange(TAPS, device=features.device)
        row = torch.arange(height, device=features.device).view(height, 1)
        column = torch.arange(width, device=features.device)
        y = row + (tap // 3 - 1).view(TAPS, 1, 1) + offsets[:, :, 0]
        x = column + (tap % 3 - 1).view(TAPS, 1, 1) + offsets[:, :, 1]
        # `grid_sample` coordinates run from −1 to 1 between the outer edges of the border pixels.
        grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
        sampled = F.grid_sample(features, grid.flatten(1, 2).to(features.dtype), align_corners=False)
        sampled = sampled.view(batch, -1, TAPS, height, width) * mask.sigmoid()[:, None]
        output = self.weight.flatten(1).to(sampled.dtype) @ sampled.view(batch, -1, height * width)
        return output.view(batch, -1, height, width) + self.bias.to(output.dtype)[:, None, None]
