"""From features at one stride to those at twice the stride, and so on: maps for larger objects."""

from jaxtyping import Float
from torch import Tensor, nn


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
