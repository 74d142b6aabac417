"""Checkpoints are identified by keys and shapes alone, and unsupported ones are refused with a reason."""

import pytest
from tests.helpers.blank_states import state_of, tensors, without
from tests.helpers.seeded_weights import manifests
from torch import Tensor

from centernet.conversion.identify import identify
from centernet.errors import InputError

BACKBONES = {
    "res_18": ("resnet18", 64),
    "res_34": ("resnet34", 64),
    "res_50": ("resnet50", 64),
    "res_101": ("resnet101", 64),
    "resdcn_18": ("resnet18-dcn", 64),
    "resdcn_34": ("resnet34-dcn", 64),
    "resdcn_50": ("resnet50-dcn", 64),
    "resdcn_101": ("resnet101-dcn", 64),
    "dla_34": ("dla34-dcn", 256),
    "dlav0_34": ("dla34", 256),
    "hourglass": ("hourglass104", 256),
}
TASKS = {"ctdet": ("detect", 80), "multi_pose": ("pose", 1), "ddd": ("mono3d", 3)}


@pytest.mark.parametrize("name", [name for name in manifests() if not name.startswith("exdet")])
def test_every_network_of_the_original_is_identified(name: str) -> None:
    task = next(task for task in TASKS if name.startswith(f"{task}_"))
    identified = identify(state_of(name), "a.pth")

    assert (identified.architecture.backbone, identified.architecture.head_channels) == BACKBONES[
        name.removeprefix(f"{task}_")
    ]
    assert (identified.original_task.name, identified.channels["hm"]) == TASKS[task]


def test_the_deepest_resnet_is_identified() -> None:
    blocks = {"layer1": 3, "layer2": 8, "layer3": 36, "layer4": 3}
    shapes = dict(manifests()["ctdet_res_50"])
    for stage, count in blocks.items():
        names = [key.removeprefix(f"{stage}.1.") for key in shapes if key.startswith(f"{stage}.1.")]
        shapes |= {
            f"{stage}.{i}.{name}": shapes[f"{stage}.1.{name}"] for i in range(1, count) for name in names
        }

    assert identify(tensors(shapes), "a.pth").architecture.backbone == "resnet152"


def test_a_single_hourglass_is_identified() -> None:
    second = {"kps.1", "cnvs.1", "inters", "inters_", "cnvs_"} | {f"{head}.1" for head in ("hm", "wh", "reg")}

    identified = identify(without("ctdet_hourglass", *second), "a.pth")

    assert identified.architecture.backbone == "hourglass52"


def test_channels_of_heads_are_read() -> None:
    state = state_of("ctdet_res_18", hm__0__weight=(128, 256, 3, 3), hm__2__weight=(7, 128, 1, 1))
    identified = identify(state, "a.pth")

    assert identified.architecture.head_channels == 128
    assert identified.channels["hm"] == 7


def test_a_pose_network_may_lack_heads_that_options_remove() -> None:
    identified = identify(without("multi_pose_dla_34", "hm_hp", "hp_offset", "reg"), "a.pth")

    assert identified.original_task.name == "pose"
    assert dict(identified.channels) == {"hm": 1, "wh": 2, "hps": 34}


def single_convolution(name: str) -> dict[str, Tensor]:
    heads = {f"{head}.weight": (2, 64, 1, 1) for head in ("hm", "wh", "reg")}
    return {**without(name, "hm", "wh", "reg"), **tensors(heads)}


RESNET, DLA = state_of("ctdet_res_18"), state_of("ctdet_dla_34")
REFUSED = {
    "extreme points": (state_of("exdet_dla_34"), "a checkpoint of ExtremeNet (exdet)"),
    "extreme points, hourglass": (state_of("exdet_hourglass"), "a checkpoint of ExtremeNet (exdet)"),
    "ExtremeNet's own": (tensors({"t_heats.0.0.conv.weight": (256, 256, 3, 3)}), "ExtremeNet"),
    "corners": (tensors({"tl_heats.0.0.conv.weight": (256, 256, 3, 3)}), "a checkpoint of CornerNet"),
    "another program": (tensors({"model.0.conv.weight": (32, 3, 3, 3)}), "'model.0.conv.weight' is a key of"),
    "two backbones": ({**RESNET, **DLA}, "it holds 'conv1.weight' of a ResNet and 'base."),
    "an encoder alone": (
        {**without("ctdet_res_18", "deconv_layers", "hm", "wh", "reg"), **tensors({"fc.bias": (9,)})},
        "has the backbone of a ResNet, but no head 'hm'",
    ),
    "no offset": (without("ctdet_res_18", "reg"), "it has no head 'reg', which ctdet needs (it was trained"),
    "no size": (without("ctdet_res_18", "wh"), "it has no head 'wh', which ctdet needs"),
    "a size for each class": (state_of("ctdet_res_18", wh__2__weight=(160, 64, 1, 1)), "(--cat_spec_wh)"),
    "strange offset": (
        state_of("ctdet_res_18", reg__2__weight=(4, 64, 1, 1)),
        "its head 'reg' has 4 channels where ctdet has 2",
    ),
    "half a keypoint": (
        state_of("multi_pose_res_18", hps__2__weight=(33, 64, 1, 1)),
        "its head 'hps' has 33 channels where multi_pose has 32",
    ),
    "keypoints that differ": (
        state_of("multi_pose_res_18", hm_hp__2__weight=(16, 64, 1, 1)),
        "its head 'hm_hp' has 16 channels where multi_pose has 17",
    ),
    "no depth": (without("ddd_dla_34", "rot"), "it has no head 'rot', which ddd needs"),
    "small heads": (
        single_convolution("ctdet_res_18"),
        "the head 'hm' is a single convolution (--head_conv 0)",
    ),
    "half a head": (without("ctdet_dla_34", "hm.2"), "lacks 'hm.2.weight'"),
    "a flat head": (state_of("ctdet_res_18", hm__2__weight=(80,)), "'hm.2.weight' has shape (80,)"),
    "an unknown depth": (
        without("ctdet_res_18", "layer3.1"),
        "a ResNet of 2, 2, 1, 2 basic blocks is none of 18, 34, 50, 101, 152 layers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unsupported_checkpoints_are_refused_in_one_line(case: str) -> None:
    state, message = REFUSED[case]

    with pytest.raises(InputError) as caught:
        identify(state, "a.pth")
    assert str(caught.value).startswith("a.pth")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
