"""DLA-34 with iterative aggregation up to stride 4: Yu et al. 2018, "Deep Layer Aggregation", sec. 3.

With deformable convolutions it is the network of Zhou et al. 2019, "Objects as Points", sec. 5 and fig. 6d.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.convolutions import DeformableConv
from centernet.models.encoder_weights import EncoderWeights
from centernet.models.heads import clear_biases, start_small
from centernet.models.necks import fill_bilinear
from centernet.models.timm_encoder import build_encoder


class DLA(nn.Module):
    """DLA-34: features at stride 4 with 64 channels.

    Args:
        deformable: Aggregate with deformable convolutions and sums, and once more at the end; otherwise with
            ordinary convolutions over the concatenated inputs.
        pretrained: Weights of the encoder; true downloads those of ImageNet.
    """

    def __init__(self, *, deformable: bool = False, pretrained: bool | EncoderWeights = False) -> None:
        super().__init__()
        self.encoder, widths = build_encoder("dla34", levels=(1, 2, 3, 4), pretrained=pretrained)
        self.neck = AggregateUp(widths, deformable=deformable)
        # The last aggregation merges the results of the others, without the coarsest level.
        self.last = Aggregate(widths[:-1], [2, 4], deformable=True) if deformable else None
        self.channels = widths[0]
        self.stride = 4
        self.divisor = 32
        self.stacks = 1
        self._deformable = deformable

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """One feature map `(b 64 height/4 width/4)`."""
        levels = self.neck(self.encoder(images))
        return [self.last(levels)[-1] if self.last is not None else levels[0]]

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        """The encoder, without the neck."""
        return (self.encoder,)

    def start_head(self, head: nn.Sequential) -> None:
        """Initialises biases with 0 and, with ordinary convolutions, weights near 0, as in the original."""
        if self._deformable:
            clear_biases(head)
        else:
            start_small(head, hidden=True)


class AggregateUp(nn.Module):
    """Aggregates first the two coarsest levels, then one finer level at each step, up to all of them.

    Args:
        channels: Channels of each level, finest first; each level has half the resolution of the one before.
        deformable: Aggregate with deformable convolutions.
    """

    def __init__(self, channels: Sequence[int], *, deformable: bool) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        for start in range(len(channels) - 2, -1, -1):
            # All coarser levels have been resized to the resolution and channels of the first of them.
            coarser = len(channels) - 1 - start
            widths = [channels[start], channels[start + 1], *[channels[start + 1]] * (coarser - 1)]
            self.steps.append(Aggregate(widths, [2] * coarser, deformable=deformable))

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """The fully aggregated features of each level but the coarsest, finest first."""
        results: list[Tensor] = []
        coarser = [levels[-1]]
        for step, level in zip(self.steps, reversed(levels[:-1]), strict=True):
            joined = step([level, *coarser])
            coarser = [level, *joined]
            results.insert(0, joined[-1])
        return results


class Aggregate(nn.Module):
    """Adds coarser levels to a fine one, one after the other: "iterative deep aggregation", sec. 3.1.

    Args:
        in_channels: Channels of the fine level, equal to those of the output, and of each coarser level.
        factors: Upsampling factor of each coarser level.
        deformable: Use deformable convolutions and sums; otherwise ordinary ones over both inputs.
    """

    def __init__(self, in_channels: Sequence[int], factors: Sequence[int], *, deformable: bool) -> None:
        super().__init__()
        channels, *coarser = in_channels
        self.project = nn.ModuleList(
            _deformable(width, channels) if deformable else _pointwise(width, channels) for width in coarser
        )
        self.up = nn.ModuleList(_upsample(channels, factor) for factor in factors)
        self.node = nn.ModuleList(
            _deformable(channels, channels) if deformable else _convolution(channels) for _ in coarser
        )
        self._adds = deformable

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """The features after each coarser level; the last ones aggregate all levels."""
        features = levels[0]
        results = []
        for project, up, node, level in zip(self.project, self.up, self.node, levels[1:], strict=True):
            upsampled = up(project(level))
            features = node(upsampled + features if self._adds else torch.cat([features, upsampled], dim=1))
            results.append(features)
        return results


def _deformable(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        DeformableConv(in_channels, channels), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )


def _pointwise(in_channels: int, channels: int) -> nn.Sequential:
    return _ordinary(nn.Conv2d(in_channels, channels, 1, bias=False))


def _convolution(channels: int) -> nn.Sequential:
    return _ordinary(nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False))


def _ordinary(conv: nn.Conv2d) -> nn.Sequential:
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True))


def _upsample(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Depth-wise transposed convolution, initialised as bilinear interpolation."""
    up = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    fill_bilinear(up.weight.data)
    return up
