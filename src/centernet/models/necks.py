"""Necks: deconvolutions and top-down pathways to stride 4, and coarser levels beyond it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.convolutions import DeformableConv, conv3x3


def deconvolutions(in_channels: int, channels: Sequence[int] = (256, 256, 256)) -> nn.Sequential:
    """Transposed convolutions, each upsampling by two: Xiao et al. 2018, "Simple Baselines", sec. 2."""
    layers: list[nn.Module] = []
    for width in channels:
        layers += [_upsample(in_channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        in_channels = width
    neck = nn.Sequential(*layers)
    for layer in neck:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.001)
    return neck


def deformable_deconvolutions(in_channels: int, channels: Sequence[int] = (256, 128, 64)) -> nn.Sequential:
    """Deformable and transposed convolutions in turn: Zhou et al. 2019, "Objects as Points", sec. 5."""
    layers: list[nn.Module] = []
    for width in channels:
        up = _upsample(width, width)
        fill_bilinear(up.weight.data)
        layers += [DeformableConv(in_channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [up, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        in_channels = width
    return nn.Sequential(*layers)


def _upsample(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


def fill_bilinear(weight: Float[Tensor, "in out k k"]) -> None:
    """Writes the bilinear kernel into the first output channel of every input channel, as the original does.

    Depth-wise weights have a single output channel, so they become exact bilinear interpolation.
    """
    size = weight.shape[-1]
    half = (size + 1) // 2
    ramp = 1 - (torch.arange(size) / half - (2 * half - 1 - half % 2) / (2 * half)).abs()
    weight[:, 0] = ramp[:, None] * ramp


class TopDown(nn.Module):
    """The top-down pathway of a feature pyramid, down to its finest level: Lin et al. 2017, "FPN", sec. 3.

    Args:
        in_channels: Channels of each level, finest first; each has half the resolution of the one before.
        channels: Channels of the output.
        separable: Make the 3×3 convolutions separable: see `conv3x3`.
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
    """Feature maps of several levels, each computed from the finer one by a convolution of stride 2.

    The bottom-up pathway of Liu et al. 2018, "PANet", sec. 3.1, without lateral connections. All levels
    descend from the same features, so they can share the heads of the finest level.

    Args:
        channels: Channels of the features and of every level.
        count: Number of levels, including that of the features.
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
        """One map for each level, finest first; odd numbers of rows and columns are halved and rounded up."""
        levels = [features]
        for halve in self.halve:
            levels.append(halve(levels[-1]))
        return levels
