"""Networks and backbones by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from centernet.errors import UsageError
from centernet.models.backbones.dla import DLA
from centernet.models.backbones.hourglass import Hourglass
from centernet.models.backbones.resnet import DEPTHS, ResNet
from centernet.models.backbones.timm import SLIM, Timm
from centernet.models.encoder_weights import EncoderWeights
from centernet.models.network import Network
from centernet.protocols import Backbone, HeadSpec

HOURGLASSES = {"hourglass52": 1, "hourglass104": 2}
"""Number of stacks of each."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Architecture of a network; saved with its weights, so that it can be built again.

    Attributes:
        backbone: Name of the backbone, see `build_backbone`.
        channels: Channels of the top-down neck of timm encoders.
        head_channels: Channels between the two convolutions of a head.
        regression_channels: The same for heads that are read only at cells; 0 means `head_channels`.
        separable: Make the 3×3 convolutions of the top-down neck and its heads separable: see `conv3x3`.
    """

    backbone: str
    channels: int = 64
    head_channels: int = 64
    regression_channels: int = 0
    separable: bool = False

    def build(self, heads: Mapping[str, HeadSpec], *, pretrained: bool | EncoderWeights = False) -> Network:
        """The network with the heads of a task; weights are random, except those of a pretrained encoder."""
        backbone = build_backbone(
            self.backbone, channels=self.channels, separable=self.separable, pretrained=pretrained
        )
        return Network(
            backbone,
            heads,
            self.head_channels,
            regression_channels=self.regression_channels,
            separable_heads=self.separable,
        )


def encoder_name(backbone: str) -> str:
    """Name in timm of the encoder of a backbone; empty if it has none for which there are weights."""
    match = re.fullmatch(r"(resnet\d+|dla34)(?:-dcn)?|timm/(.+)", backbone)
    return (match[1] or match[2]) if match else ""


def build_backbone(
    name: str, *, channels: int = 64, separable: bool = False, pretrained: bool | EncoderWeights = False
) -> Backbone:
    """The backbone of this name.

    Args:
        name: `resnet18`, `resnet18-dcn` (also 34, 50, 101, 152), `dla34`, `dla34-dcn`, `hourglass52`,
            `hourglass104`, `slim`, or `timm/NAME` for any timm encoder with a top-down neck.
        channels: Channels of the top-down neck; other necks have fixed numbers.
        separable: Make the 3×3 convolutions of the top-down neck separable; other necks have ordinary ones.
        pretrained: Weights of the encoder; true downloads those of ImageNet.

    Raises:
        UsageError: There is no such backbone, or it has no such option.
    """
    if separable and not name.startswith(("slim", "timm/")):
        raise UsageError(f"{name} has no separable convolutions: leave separable out, or choose timm/NAME")
    if pretrained and name in (*HOURGLASSES, "slim"):
        raise UsageError(f"there are no ImageNet weights for {name}: train it with pretrained=false")
    if match := re.fullmatch(r"resnet(\d+)(-dcn)?", name):
        return cast("Backbone", ResNet(int(match[1]), deformable=bool(match[2]), pretrained=pretrained))
    if match := re.fullmatch(r"dla34(-dcn)?", name):
        return cast("Backbone", DLA(deformable=bool(match[1]), pretrained=pretrained))
    if name in HOURGLASSES:
        return cast("Backbone", Hourglass(HOURGLASSES[name]))
    if name == "slim":
        return cast("Backbone", Timm("resnet18", channels=channels, separable=separable, shape=SLIM))
    if match := re.fullmatch(r"timm/(.+)", name):
        return cast("Backbone", Timm(match[1], channels=channels, separable=separable, pretrained=pretrained))
    import timm

    if timm.is_model(name):
        raise UsageError(f"no backbone is called {name!r}: the encoder of timm is backbone=timm/{name}")
    known = ", ".join([*(f"resnet{depth}[-dcn]" for depth in DEPTHS), "dla34[-dcn]", *HOURGLASSES, "slim"])
    raise UsageError(f"no backbone is called {name!r}: choose {known}, or timm/NAME for any timm encoder")
