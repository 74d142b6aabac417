"""What every backbone promises, over all kinds of backbones."""

import re
from typing import cast

import pytest
import torch

from centernet.errors import UsageError
from centernet.models.backbones.hourglass import Hourglass
from centernet.models.factory import build_backbone
from centernet.models.network import Network
from centernet.protocols import Backbone, HeadSpec

NAMES = [
    "resnet18",
    "resnet18-dcn",
    "resnet50",
    "dla34",
    "dla34-dcn",
    "hourglass",
    "slim",
    "timm/resnet10t",
    "timm/mobilenetv3_small_050",
    "timm/convnext_atto",
]
SMALL = [name for name in NAMES if name != "resnet50"]
REGRESSION_STARTS_SMALL = [name for name in SMALL if name not in ("dla34-dcn", "hourglass")]
HEADS = {"heatmap": HeadSpec(channels=2, bias=-2.19), "size": HeadSpec(channels=2)}


def build(name: str) -> Backbone:
    torch.manual_seed(0)
    if name == "hourglass":
        # As Hourglass-104, but thin: that one has 191 million weights.
        return cast("Backbone", Hourglass(channels=(8, 8, 16, 16), residuals=(1, 1, 1, 2)))
    return build_backbone(name, channels=16)


def build_network(name: str) -> Network:
    return Network(build(name), HEADS, head_channels=8)


@pytest.mark.parametrize("name", NAMES)
def test_features_have_the_stated_channels_and_stride(name: str) -> None:
    backbone = build(name)
    height, width = backbone.divisor, 2 * backbone.divisor
    with torch.inference_mode():
        stacks = backbone(torch.randn(2, 3, height, width))

    assert stacks
    for features in stacks:
        assert features.shape == (2, backbone.channels, height // backbone.stride, width // backbone.stride)


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_is_a_part_of_the_backbone_but_not_all_of_it(name: str) -> None:
    backbone = build(name)
    assert isinstance(backbone, torch.nn.Module)
    weights = {id(p) for module in backbone.encoder_modules for p in module.parameters()}

    assert weights < {id(p) for p in backbone.parameters()}
    assert bool(weights) == (name != "hourglass")


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = build_network(name).train()
    with torch.no_grad():
        # Some weights start at zero, and nothing would pass through them yet.
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    maps = network(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    sum(value.square().sum() for stack in maps for value in stack.values()).backward()

    without = [key for key, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


@pytest.mark.parametrize("name", SMALL)
def test_names_of_weights_come_from_meaning(name: str) -> None:
    first, second = (list(build_network(name).state_dict()) for _ in range(2))

    assert first == second
    assert {key.partition(".")[0] for key in first} == {"backbone", "heads"}
    assert {".".join(key.split(".")[:3]) for key in first if key.startswith("heads.0")} == {
        "heads.0.heatmap",
        "heads.0.size",
    }
    assert not [key for key in first if re.search(r"0x|\d{5}", key)]


@pytest.mark.parametrize("name", SMALL)
def test_half_precision_gives_nearly_the_same_maps(name: str) -> None:
    network = build_network(name).eval()
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        full = network(images)[-1]
        with torch.autocast("cpu", torch.bfloat16):
            features = network.backbone(images)[-1]
            half = network(images)[-1]

    assert features.dtype == torch.bfloat16
    for key, value in full.items():
        assert (half[key] - value).abs().max() < 0.05 * value.abs().max() + 0.01


@pytest.mark.parametrize("name", REGRESSION_STARTS_SMALL)
def test_heads_that_regress_start_near_zero(name: str) -> None:
    state = build_network(name).state_dict()

    assert state["heads.0.size.2.weight"].std() < 0.002
    assert not state["heads.0.size.2.bias"].any()


@pytest.mark.parametrize("name", SMALL)
def test_heads_with_a_bias_start_there(name: str) -> None:
    network = build_network(name)

    for stack in range(network.backbone.stacks):
        assert (network.state_dict()[f"heads.{stack}.heatmap.2.bias"] == -2.19).all()
        assert network.state_dict()[f"heads.{stack}.heatmap.2.weight"].std() > 0.05


@pytest.mark.parametrize("name", SMALL)
def test_every_stack_gives_every_map(name: str) -> None:
    network = build_network(name).eval()
    with torch.inference_mode():
        stacks = network(torch.randn(1, 3, 64, 64))

    assert len(stacks) == network.backbone.stacks == (2 if name == "hourglass" else 1)
    assert [list(maps) for maps in stacks] == [list(HEADS)] * len(stacks)


@pytest.mark.parametrize("name", SMALL)
def test_same_seed_same_weights(name: str) -> None:
    first, second = (build_network(name).state_dict() for _ in range(2))

    assert all((first[key] == second[key]).all() for key in first)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet19", "a ResNet has 18, 34, 50, 101, 152 layers; got 19"),
        ("tf_efficientnet_lite0", r"the encoder of timm is backbone=timm/tf_efficientnet_lite0"),
        ("hourglas", r"no backbone is called 'hourglas': choose resnet18\[-dcn\].* or timm/NAME"),
        ("timm/resnet10q", "timm has no encoder 'resnet10q'; similar names are .*resnet10t"),
        ("timm/vit_tiny_patch16_224", "features at strides .* but .* are needed: choose another"),
    ],
)
def test_unknown_names_are_refused_with_help(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_backbone(name)


def test_pretrained_weights_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="no ImageNet weights for hourglass104: train it with"):
        build_backbone("hourglass104", pretrained=True)


def test_networks_of_the_papers_have_no_separable_convolutions() -> None:
    with pytest.raises(
        UsageError, match="resnet18 has no separable convolutions: leave separable out, or choose timm"
    ):
        build_backbone("resnet18", separable=True)
