"""From the coarse features of an encoder back to stride 4."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.convolutions import DeformableConv, conv3x3


def deconvolutions(in_channels: int, channels: Sequence[int] = (256, 256, 256)) -> nn.Sequential:
    """Three doublings by transposed convolution: Xiao et al. 2018, "Simple Baselines", sec. 2."""
    layers: list[nn.Module] = []
    for width in channels:
        layers += [_double(in_channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        in_channels = width
    neck = nn.Sequential(*layers)
    for layer in neck:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.001)
    return neck


def deformable_deconvolutions(in_channels: int, channels: Sequence[int] = (256, 128, 64)) -> nn.Sequential:
    """A deformable convolution before each doubling: Zhou et al. 2019, "Objects as Points", sec. 5."""
    layers: list[nn.Module] = []
    for width in channels:
        up = _double(width, width)
        fill_bilinear(up.weight.data)
        layers += [DeformableConv(in_channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [up, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        in_channels = width
    return nn.Sequential(*layers)


def _double(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


def fill_bilinear(weight: Float[Tensor, "in out k k"]) -> None:
    """Writes the bilinear kernel into the first output slice of every input channel, as the original does.

    Depth-wise weights have no other slice, so they become true bilinear interpolation.
    """
    size = weight.shape[-1]
    half = (size + 1) // 2
    ramp = 1 - (torch.arange(size) / half - (2 * half - 1 - half % 2) / (2 * half)).abs()
    weight[:, 0] = ramp[:, None] * ramp


class TopDown(nn.Module):
    """Coarse features, doubled and added to finer ones, level by level: Lin et al. 2017, "FPN", sec. 3.

    Args:
        in_channels: Channels of each level, finest first; each has half the rows and columns of the last.
        channels: Channels of the result.
        separable: Of the 3×3 convolutions: see `conv3x3`.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, *, separable: bool = False) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in in_channels)
        self.smooth = nn.ModuleList(
            nn.Sequential(
                conv3x3(channels, channels, separable=separable, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for _ in in_channels[:-1]
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Features of the finest level."""
        features = self.lateral[-1](levels[-1])
        for lateral, smooth, level in zip(
            reversed(self.lateral[:-1]), reversed(self.smooth), reversed(levels[:-1]), strict=True
        ):
            features = smooth(F.interpolate(features, scale_factor=2.0) + lateral(level))
        return features


class Levels(nn.Module):
    """Features, and each level made from the one before by a convolution.

    The path upwards of Liu et al. 2018, "PANet", sec. 3.1, but no map of the backbone is added on the way.
    Every level has seen all of the backbone, so its heads can be those of the finest level too.

    Args:
        channels: Of the features, and of every level.
        count: Levels, with that of the features.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.halve = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for _ in range(count - 1)
        )

    def forward(self, features: Float[Tensor, "b d h w"]) -> list[Tensor]:
        """One map for each level; odd rows and columns are halved upwards."""
        levels = [features]
        for halve in self.halve:
            levels.append(halve(levels[-1]))
        return levels
