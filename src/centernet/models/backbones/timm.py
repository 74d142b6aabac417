"""Any timm encoder with a light top-down neck."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.encoder_weights import EncoderWeights
from centernet.models.heads import start_small
from centernet.models.necks import TopDown
from centernet.models.timm_encoder import build_encoder

SLIM: Mapping[str, Any] = {
    "layers": (1, 2, 2, 2),
    "channels": (32, 48, 96, 192),
    "stem_type": "deep",
    "stem_width": 8,
    "avg_down": True,
}
"""Settings that make timm's `resnet18` a slim network: ordinary convolutions with few channels.

On processors they are as fast as depth-wise ones with many channels, and learn more in the same time: see
docs/decisions/0006-slim-not-separable.md.
"""


class Timm(nn.Module):
    """A timm encoder: features at stride 4 from its levels of stride 4, 8, 16 and 32.

    Args:
        name: timm's name of the encoder, such as `resnet10t`.
        channels: Channels of the neck and of the features.
        separable: Make the 3×3 convolutions of the neck separable: see `conv3x3`.
        pretrained: Weights of the encoder; true downloads those of ImageNet.
        shape: Further arguments of timm's encoder, such as `SLIM`.
    """

    def __init__(
        self,
        name: str,
        *,
        channels: int = 64,
        separable: bool = False,
        pretrained: bool | EncoderWeights = False,
        shape: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.encoder, widths = build_encoder(
            name, levels=(1, 2, 3, 4), pretrained=pretrained, **(shape or {})
        )
        self.neck = TopDown(widths, channels, separable=separable)
        self.channels = channels
        self.stride = 4
        self.divisor = 32
        self.stacks = 1

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """One feature map `(b channels height/4 width/4)`."""
        return [self.neck(self.encoder(images))]

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        """The encoder, without the neck."""
        return (self.encoder,)

    def start_head(self, head: nn.Sequential) -> None:
        """Initialises regression heads near 0."""
        start_small(head, hidden=False)
