"""ResNet with three deconvolutions: Xiao et al. 2018; with deformable layers: Zhou et al. 2019, sec. 5."""

from jaxtyping import Float
from torch import Tensor, nn

from centernet.errors import UsageError
from centernet.models.encoder_weights import EncoderWeights
from centernet.models.heads import start_small
from centernet.models.necks import deconvolutions, deformable_deconvolutions
from centernet.models.timm_encoder import build_encoder

DEPTHS = (18, 34, 50, 101, 152)


class ResNet(nn.Module):
    """ResNet: features at stride 4 with 256 channels, or 64 with deformable convolutions.

    Args:
        depth: 18, 34, 50, 101 or 152.
        deformable: Add a deformable convolution before each upsampling by two.
        pretrained: Weights of the encoder; true downloads those of ImageNet.
    """

    def __init__(
        self, depth: int = 18, *, deformable: bool = False, pretrained: bool | EncoderWeights = False
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise UsageError(f"a ResNet has {', '.join(map(str, DEPTHS))} layers; got {depth}")
        self.encoder, (coarse,) = build_encoder(f"resnet{depth}", levels=(4,), pretrained=pretrained)
        self.neck = deformable_deconvolutions(coarse) if deformable else deconvolutions(coarse)
        self.channels = 64 if deformable else 256
        self.stride = 4
        self.divisor = 32
        self.stacks = 1
        self._deformable = deformable

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """One feature map `(b channels height/4 width/4)`."""
        (coarse,) = self.encoder(images)
        return [self.neck(coarse)]

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        """The encoder, without the neck."""
        return (self.encoder,)

    def start_head(self, head: nn.Sequential) -> None:
        """Initialises regression heads near 0, as in the original."""
        start_small(head, hidden=self._deformable)
