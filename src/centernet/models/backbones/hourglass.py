"""Stacked hourglasses: Newell et al. 2016, in the form of Law & Deng 2018, "CornerNet", sec. 3.5.

With the constants below, one stack is Hourglass-52 and two are Hourglass-104.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = (256, 256, 384, 384, 384, 512)
"""Channels of each level, finest first."""

RESIDUALS = (2, 2, 2, 2, 2, 4)
"""Residual blocks of each level, finest first."""


class Hourglass(nn.Module):
    """Stacked hourglasses: features at stride 4 after each stack.

    Args:
        stacks: Number of hourglasses; each refines the features of the one before.
        channels: Channels of each level, finest first; the features have those of the finest level.
        residuals: Residual blocks of each level, finest first.
    """

    def __init__(
        self,
        stacks: int = 2,
        *,
        channels: Sequence[int] = CHANNELS,
        residuals: Sequence[int] = RESIDUALS,
    ) -> None:
        super().__init__()
        width = channels[0]
        self.stem = nn.Sequential(_conv(3, 128, 7, stride=2), Residual(128, width, stride=2))
        self.hourglass = nn.ModuleList(Level(channels, residuals) for _ in range(stacks))
        self.after = nn.ModuleList(_conv(width, width, 3) for _ in range(stacks))
        self.bring_input = nn.ModuleList(_pointwise(width) for _ in range(stacks - 1))
        self.bring_features = nn.ModuleList(_pointwise(width) for _ in range(stacks - 1))
        self.between = nn.ModuleList(Residual(width, width) for _ in range(stacks - 1))
        self.channels = width
        self.stride = 4
        self.divisor = 4 * 2 ** (len(channels) - 1)
        self.stacks = stacks

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """One feature map `(b channels height/4 width/4)` for each stack, the most refined last."""
        inputs = self.stem(images)
        features = [self.after[0](self.hourglass[0](inputs))]
        for i in range(1, self.stacks):
            joined = self.bring_input[i - 1](inputs) + self.bring_features[i - 1](features[-1])
            inputs = self.between[i - 1](F.relu(joined))
            features.append(self.after[i](self.hourglass[i](inputs)))
        return features

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        """None: encoder and decoder alternate within each stack."""
        return ()

    def start_head(self, head: nn.Sequential) -> None:
        """Keeps the default initialisation of PyTorch, as in the original."""


class Level(nn.Module):
    """A level of an hourglass: one path keeps the resolution, the other passes through the coarser levels.

    Args:
        channels: Channels of this level and of all coarser ones.
        residuals: Residual blocks of this level and of all coarser ones.
    """

    def __init__(self, channels: Sequence[int], residuals: Sequence[int]) -> None:
        super().__init__()
        here, below = channels[:2]
        count = residuals[0]
        self.keep = nn.Sequential(*(Residual(here, here) for _ in range(count)))
        self.down = nn.Sequential(
            Residual(here, below, stride=2), *(Residual(below, below) for _ in range(count - 1))
        )
        self.inner: nn.Module = (
            Level(channels[1:], residuals[1:])
            if len(channels) > 2
            else nn.Sequential(*(Residual(below, below) for _ in range(residuals[1])))
        )
        self.back = nn.Sequential(*(Residual(below, below) for _ in range(count - 1)), Residual(below, here))

    def forward(self, features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """Features of the same size, whose rows and columns must be divisible by `2 ** levels below`."""
        coarse = self.back(self.inner(self.down(features)))
        return self.keep(features) + F.interpolate(coarse, scale_factor=2.0)


class Residual(nn.Module):
    """Two 3×3 convolutions with a skip connection: He et al. 2016."""

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.skip = nn.Sequential()
        if stride != 1 or in_channels != channels:
            self.skip = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, features: Float[Tensor, "b in h w"]) -> Float[Tensor, "b out h2 w2"]:
        """Features; with stride 2, half the rows and columns."""
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(features)), inplace=True)))
        return F.relu(inner + self.skip(features), inplace=True)


def _conv(in_channels: int, channels: int, size: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def _pointwise(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
