"""The presets: complete recipes by name. Those of the paper are in `paper`."""

from collections.abc import Callable
from dataclasses import replace

from centernet.recipes.paper import (
    dla34,
    dla34_dcn,
    dla34_dcn_2x,
    dla34_dcn_3d,
    dla34_dcn_pose,
    dla34_dcn_pose_3x,
    hourglass104,
    hourglass104_pose,
    hourglass104_pose_3x,
    hourglass104_scratch,
    resnet18,
    resnet18_dcn,
    resnet34,
    resnet34_dcn,
    resnet50,
    resnet50_dcn,
    resnet101,
    resnet101_dcn,
)
from centernet.recipes.recipe import Recipe


def auto() -> Recipe:
    """The network, input size and all else are planned from your images, machine and time: the default."""
    return small()


def nano() -> Recipe:
    """A slim ResNet with a top-down neck of 32 channels, the fastest on processors."""
    return replace(small(), backbone="slim", channels=32, head_channels=32, regression_channels=256)


def small() -> Recipe:
    """ResNet-10 with a top-down neck of 64 channels, fast to train from scratch."""
    return Recipe()


def base() -> Recipe:
    """ResNet-18 with a deep stem and a top-down neck of 128 channels."""
    return Recipe(backbone="timm/resnet18d", channels=128)


def large() -> Recipe:
    """ResNet-50 with a deep stem and a top-down neck of 256 channels, for GPUs."""
    return Recipe(backbone="timm/resnet50d", channels=256, head_channels=128)


def demo() -> Recipe:
    """For generated scenes of 128 pixels, trained in a few minutes on two CPU cores."""
    return Recipe(
        pretrained="false",
        imgsz=128,
        epochs=10,
        batch=16,
        lr=2e-3,
        scale_min=0.8,
        scale_max=1.2,
        color=0.0,
        ema=0.99,
        name="demo",
    )


def triplet() -> Recipe:
    """Keypoint triplets on ResNet-18 with cascade corner pooling, narrow enough for two CPU cores."""
    return Recipe(
        task="triplet",
        backbone="timm/resnet18d",
        pretrained="false",
        pool_channels=32,
        imgsz=128,
        epochs=14,
        batch=16,
        lr=2e-3,
        scale_min=0.8,
        scale_max=1.2,
        color=0.0,
        ema=0.99,
        corrected_radius=True,
        name="triplet",
    )


def roads() -> Recipe:
    """For generated roads of 320 pixels with 3D boxes, trained in twenty minutes on two CPU cores."""
    return Recipe(
        task="mono3d",
        pretrained="false",
        head_channels=32,
        imgsz=320,
        rect=True,
        epochs=8,
        batch=8,
        lr=2e-3,
        ema=0.998,
        val_every=2,
        windows=0.0,
        color=0.0,
        focal_px=200.0,
        name="roads",
    )


def microscope() -> Recipe:
    """For few images without a preferred direction; the recipe of the weights `blood-cells`."""
    return Recipe(
        pretrained="false",
        imgsz=320,
        rect=True,
        epochs=190,
        batch=8,
        lr=1e-3,
        schedule="step",
        lr_steps=(150,),
        ema=0.998,
        val_every=5,
        scale_min=0.5,
        flip_vertical=0.5,
        quarter_turns=True,
        plain_epochs=40,
        corrected_radius=True,
        giou_weight=2.0,
        spread=1,
        name="microscope",
    )


def few() -> Recipe:
    """For few images, in a quarter of an hour on one CPU core: `microscope` without rotations, shorter."""
    return replace(
        microscope(),
        epochs=97,
        batch=4,
        lr_steps=(78,),
        scale_min=0.6,
        flip_vertical=0.0,
        quarter_turns=False,
        plain_epochs=19,
        corrected_radius=False,
        name="few",
    )


def few_nano() -> Recipe:
    """The network of `nano` trained as in `few`, on inputs of 480 pixels."""
    network = nano()
    return replace(
        few(),
        backbone=network.backbone,
        channels=network.channels,
        head_channels=network.head_channels,
        regression_channels=network.regression_channels,
        lr=2e-3,
        imgsz=480,
        epochs=136,
        lr_steps=(109,),
        plain_epochs=27,
        name="few-nano",
    )


PLANNED = ("auto", "nano", "small", "base", "large")
"""Recipes that decide the network alone: all else is planned from the data, for tasks that have plans."""

RECIPES: dict[str, Callable[[], Recipe]] = {
    "auto": auto,
    "nano": nano,
    "small": small,
    "base": base,
    "large": large,
    "demo": demo,
    "triplet": triplet,
    "roads": roads,
    "microscope": microscope,
    "few": few,
    "few-nano": few_nano,
    "resnet18": resnet18,
    "resnet18-dcn": resnet18_dcn,
    "resnet34": resnet34,
    "resnet34-dcn": resnet34_dcn,
    "resnet50": resnet50,
    "resnet50-dcn": resnet50_dcn,
    "resnet101": resnet101,
    "resnet101-dcn": resnet101_dcn,
    "dla34": dla34,
    "dla34-dcn": dla34_dcn,
    "dla34-dcn-2x": dla34_dcn_2x,
    "hourglass104": hourglass104,
    "hourglass104-scratch": hourglass104_scratch,
    "dla34-dcn-pose": dla34_dcn_pose,
    "dla34-dcn-pose-3x": dla34_dcn_pose_3x,
    "hourglass104-pose": hourglass104_pose,
    "hourglass104-pose-3x": hourglass104_pose_3x,
    "dla34-dcn-3d": dla34_dcn_3d,
}
"""Every recipe by the name people type; the first line of its docstring is what `centernet models` prints."""
