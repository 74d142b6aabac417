"""Backbones by the names people type."""

import re
from typing import cast

from centernet.errors import UsageError
from centernet.models.backbones.resnet import DEPTHS, ResNet
from centernet.models.backbones.timm import Timm
from centernet.protocols import Backbone


def build_backbone(name: str, *, channels: int = 64, pretrained: bool = False) -> Backbone:
    """The backbone of a name.

    Args:
        name: `resnet18`, `resnet18-dcn` (also 34, 50, 101, 152), or `timm/NAME` for any timm encoder with a top-down neck.
        channels: Channels of the top-down neck; the paper's necks have their own.
        pretrained: Fetch ImageNet weights of the encoder from the hub.
    """
    if match := re.fullmatch(r"resnet(\d+)(-dcn)?", name):
        return cast("Backbone", ResNet(int(match[1]), deformable=bool(match[2]), pretrained=pretrained))
    if match := re.fullmatch(r"timm/(.+)", name):
        return cast("Backbone", Timm(match[1], channels=channels, pretrained=pretrained))
    known = ", ".join(f"resnet{depth}[-dcn]" for depth in DEPTHS)
    raise UsageError(f"no backbone is called {name!r}: choose {known}, or timm/NAME for an encoder of timm")
