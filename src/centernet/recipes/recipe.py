"""All settings of a training: one flat record is the YAML, the flags of `centernet train` and `args.yaml`.

To add a setting, add a field here: its line says what it is, its range, its heading and the tasks that use
it. A task reads it by having a field of the same name.
"""

import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from centernet.errors import UsageError, check_bounds
from centernet.recipes.hints import hint_for
from centernet.recipes.setting import (
    ALL_POSITIVE,
    AMOUNT,
    COUNT,
    DECAY,
    FRACTION,
    PART,
    POSITIVE,
    one_of,
    setting,
    settings_by_name,
)

_network = partial(setting, heading="Task and network")
_training = partial(setting, heading="Training")
_augmentation = partial(setting, heading="Augmentation of training images")
_detection = partial(setting, heading="Detections")
_boxes = partial(setting, heading="Boxes", tasks=("detect", "pose", "mono3d"))
_keypoints = partial(setting, heading="Keypoints", tasks=("pose",))
_boxes3d = partial(setting, heading="3D boxes", tasks=("mono3d",))
_corners = partial(setting, heading="Corners", tasks=("triplet",))
_run = partial(setting, heading="Machine and run folder")

_DEVICES = re.compile(r"auto|-1|[1-9]\d*|\d+(,\d+)+")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what training does; `centernet train --help all` lists it."""

    task: str = _network(
        "detect",
        "detect: boxes; pose: boxes with keypoints; mono3d: 3D boxes; triplet: boxes by corners and centre",
    )
    backbone: str = _network(
        "timm/resnet10t", "resnet18[-dcn] to resnet152[-dcn], dla34[-dcn], hourglass104, slim, or timm/NAME"
    )
    channels: int = _network(64, "channels of the top-down neck of timm encoders", COUNT)
    head_channels: int = _network(64, "channels between the two convolutions of a head", COUNT)
    regression_channels: int = _network(
        0, "the same for heads that are read at peaks only, where they cost little; 0: head_channels", AMOUNT
    )
    separable: bool = _network(False, "depthwise separable 3×3 convolutions in that neck and its heads")
    pretrained: str | bool = _network(
        "auto",
        "ImageNet weights of the encoder: auto takes those on this machine, true downloads them if there are "
        "none, false takes none; or a file",
    )
    start: str = _network("", "weights to start from: layers of the same shape are copied; empty: none")
    bgr: bool = _network(False, "feed channels to the network in the order blue, green, red")
    mean: tuple[float, float, float] = _network(
        (0.485, 0.456, 0.406), "mean of each channel, in the order of the network"
    )
    std: tuple[float, float, float] = _network(
        (0.229, 0.224, 0.225), "standard deviation of each channel", ALL_POSITIVE
    )

    imgsz: int = _training(512, "side of the input, pixels; a multiple of 32")
    crop: int = _training(
        0, "side of training inputs cropped at the scale of imgsz, a multiple of 32; 0: imgsz"
    )
    images: str = _training("", "folder of the images, if they are not where the data set says; empty: there")
    rect: bool = _training(False, "inputs keep the aspect ratio of the image instead of being square")
    image_scale: float = _training(
        0.0,
        "scale of every image, whatever its size, for images of one resolution: imgsz is then the side of "
        "training crops; 0: imgsz decides",
        AMOUNT,
    )
    epochs: int = _training(100, "passes over the training images", COUNT)
    repeats: int = _training(1, "times that an epoch draws each image, augmented anew, for few images", COUNT)
    minutes: float = _training(
        0.0, "time limit: the schedule fills these minutes, whatever epochs is; 0: none", AMOUNT
    )
    batch: int = _training(16, "images in a batch on each device", COUNT)
    accumulate: int = _training(1, "batches on each device whose gradients are added up before a step", COUNT)
    optimizer: str = _training("adamw", "adamw, adam or sgd", one_of("adamw", "adam", "sgd"))
    lr: float = _training(1e-3, "largest learning rate", POSITIVE)
    lr_encoder: float = _training(0.0, "largest learning rate of the encoder's layers; 0: lr", AMOUNT)
    freeze: str = _training(
        "none",
        "what stays as the weights have it: encoder, with its batch norms; bn: every batch norm; none",
        one_of("encoder", "bn", "none", hint="layers are not counted; freeze=encoder trains neck and heads"),
    )
    weight_decay: float = _training(0.01, "decay of the weights of convolutions", AMOUNT)
    momentum: float = _training(0.9, "momentum of sgd", DECAY)
    schedule: str = _training("cosine", "learning rate schedule: cosine or step", one_of("cosine", "step"))
    lr_steps: tuple[int, ...] = _training(
        (90, 120), "epochs after which the step schedule divides the learning rate by ten"
    )
    warmup_epochs: float = _training(1.0, "epochs over which the learning rate rises to lr", AMOUNT)
    clip: float = _training(10.0, "largest norm of the gradient; 0: no limit", AMOUNT)
    ema: float = _training(0.999, "decay of the moving average of the weights; 0: no average", DECAY)
    precision: str = _training(
        "auto",
        "auto, 32 or bf16; auto is bf16 where the hardware is faster with it",
        one_of("auto", "32", "bf16"),
    )
    patience: int = _training(0, "stop after so many epochs without a better AP; 0: never stop early", AMOUNT)
    val_every: int = _training(1, "epochs from one validation to the next", COUNT)
    val_split: float = _training(
        0.2, "fraction of images held out for validation if the data has no images for it; 0: none", PART
    )
    train_crowd: bool = _training(False, "learn crowd regions as ordinary objects, as the original does")

    scale_min: float = _augmentation(0.6, "smallest side of random crops, as a multiple of the whole image")
    scale_max: float = _augmentation(1.3, "largest side of random crops; above 1 pads the image")
    random_crop: bool = _augmentation(True, "crops at any place; false: shifted a little from the middle")
    windows: float = _augmentation(
        1.0, "fraction of images that are cropped at random, 0 to 1; not with crop", FRACTION
    )
    flip: float = _augmentation(0.5, "fraction of images flipped left to right, 0 to 1", FRACTION)
    flip_vertical: float = _augmentation(0.0, "fraction of images flipped top to bottom, 0 to 1", FRACTION)
    quarter_turns: bool = _augmentation(False, "rotate by random multiples of 90 degrees")
    color: float = _augmentation(0.4, "strength of the colour jitter, 0 to 1; 0: none", FRACTION)
    mosaic: float = _augmentation(0.0, "fraction of inputs made of four images, 0 to 1", FRACTION)
    mixup: float = _augmentation(0.0, "fraction of inputs blended with another image, 0 to 1", FRACTION)
    copy_paste: float = _augmentation(
        0.0, "fraction of inputs with objects of another image pasted in, 0 to 1", FRACTION
    )
    rotate: float = _augmentation(0.0, "fraction of images rotated by a random angle, 0 to 1", FRACTION)
    degrees: float = _augmentation(
        20.0, "standard deviation of that angle, which is at most twice that", AMOUNT
    )
    plain_epochs: int = _augmentation(
        0, "last epochs with whole images that are not flipped, rotated or mixed", AMOUNT
    )

    top_k: int = _detection(100, "maximum number of detections in an image", COUNT)
    corrected_radius: bool = _detection(
        False, "solve the radius of the Gaussians exactly instead of as both papers' code does"
    )
    offset_weight: float = _detection(1.0, "weight of the L1 loss of the offset", AMOUNT)

    levels: int = _boxes(1, "levels of maps for objects of different size, each at twice the stride", COUNT)
    level_cells: float = _boxes(
        4.0, "smallest side of the objects of the second and further levels, cells", POSITIVE
    )
    per_cell: int = _boxes(1, "objects of one class that may lie in one cell or in neighbouring ones", COUNT)
    size_weight: float = _boxes(0.1, "weight of the L1 loss of width and height", AMOUNT)
    giou_weight: float = _boxes(
        0.0, "weight of the generalised-IoU loss of the box", AMOUNT, tasks=("detect", "pose")
    )
    sides_weight: float = _boxes(
        0.0,
        "weight of the L1 loss of distances to the four sides (LTRB), instead of size and offset; 0: off",
        AMOUNT,
        tasks=("detect", "pose"),
    )
    spread: int = _boxes(
        0, "cells around the centre's in which the box is learned too", AMOUNT, tasks=("detect", "pose")
    )
    spread_share: float = _boxes(
        0.0,
        "central fraction of a box, 0 to 1, in whose cells it is learned too, weighted by a Gaussian",
        FRACTION,
        tasks=("detect",),
    )
    box_bins: int = _boxes(
        0,
        "with sides_weight, predict each side as a distribution over so many distances, 17; 0: as a number",
        AMOUNT,
        tasks=("detect", "pose"),
    )
    box_scale: float = _boxes(
        0.0,
        "typical distance from centre to side for box_bins, cells; 0: that of the training boxes",
        AMOUNT,
        tasks=("detect", "pose"),
    )
    soft_heatmap: bool = _boxes(
        False,
        "train heatmaps towards the whole Gaussians by the quality focal loss",
        tasks=("detect", "pose"),
    )
    class_weight: float = _boxes(
        0.0,
        "weight of the cross-entropy of classes at centres, whose result enters scores; 0: no such map",
        AMOUNT,
        tasks=("detect",),
    )
    quality: float = _boxes(
        0.0, "how far peaks are trained to predict the IoU of their box, 0 to 1", FRACTION, tasks=("detect",)
    )

    keypoints_weight: float = _keypoints(
        1.0, "weight of the L1 loss of keypoint offsets from the centre", AMOUNT
    )
    keypoint_heatmap_weight: float = _keypoints(
        1.0, "weight of the focal loss of the keypoint heatmaps", AMOUNT
    )
    keypoint_offset_weight: float = _keypoints(
        1.0, "weight of the L1 loss of the offset of keypoints within their cell", AMOUNT
    )
    snap_sigma: float = _keypoints(
        0.0,
        "keypoints are the likeliest peaks by score and a Gaussian of the distance from where the centre "
        "says, its deviation relative to the box; 0: the nearest peaks",
        AMOUNT,
    )
    keypoint_radius: int = _keypoints(
        0, "maximum radius in cells of the Gaussians of keypoints; 0: that of the object's centre", AMOUNT
    )
    place_weight: float = _keypoints(
        0.0, "weight of the cross-entropy of where a keypoint is among the cells of its object", AMOUNT
    )
    edges: str = _keypoints("", "lines of the skeleton, 0:1,1:2 or nose:left_eye; empty: the data set's")
    flip_pairs: str = _keypoints("", "left-right pairs of keypoints, 1:2,3:4; empty: the data set's")
    sigmas: str = _keypoints("", "tolerance of each keypoint for OKS, 0.026,0.025; empty: the data set's")

    depth_weight: float = _boxes3d(1.0, "weight of the L1 loss of the depth, metres", AMOUNT)
    size3d_weight: float = _boxes3d(1.0, "weight of the L1 loss of height, width and length, metres", AMOUNT)
    heading_weight: float = _boxes3d(1.0, "weight of the loss of the heading", AMOUNT)
    center3d_weight: float = _boxes3d(
        1.0, "weight of the L1 loss of the projected 3D centre, cells; 0: no such map", AMOUNT
    )
    focal_px: float = _boxes3d(
        500.0, "focal length that predicted depths are normalised to; 0: that of each camera", AMOUNT
    )
    slots: int = _boxes3d(
        0, "average 3D losses over so many slots an image, as the original with 50; 0: over objects", AMOUNT
    )

    pool_channels: int = _corners(128, "channels within corner and centre pooling", COUNT)
    pull_weight: float = _corners(
        0.6, "weight of the pull loss: distance of the embeddings of an object's two corners", AMOUNT
    )
    push_weight: float = _corners(
        0.6, "weight of the push loss: closeness of the embeddings of different objects", AMOUNT
    )

    seed: int = _run(0, "seed of everything random", AMOUNT)
    workers: int = _run(2, "processes that prepare images", AMOUNT)
    cache: float = _run(
        1.0, "GB of decoded images kept in memory by all workers together, if all images fit", AMOUNT
    )
    device: str = _run("auto", "auto, cpu, mps, cuda, cuda:1, or numbers of GPUs: 0,1")
    devices: str = _run("auto", "number of devices, or which ones: 2, 0,1")
    num_nodes: int = _run(1, "number of machines", COUNT)
    strategy: str = _run("auto", "how devices work together: auto, ddp, ...")
    tensorboard: bool = _run(False, "also write TensorBoard events into the run folder")
    project: str = _run("", "folder of run folders; empty: runs/TASK")
    name: str = _run("train", "name of the run folder")
    exist_ok: bool = _run(False, "write into a run folder that exists")

    def __post_init__(self) -> None:
        if isinstance(self.pretrained, bool):
            object.__setattr__(self, "pretrained", _word(self.pretrained))
        for key, side in {"imgsz": self.imgsz, "crop": self.crop or 32}.items():
            if side < 32 or side % 32:
                nearest = max(32, round(side / 32) * 32)
                raise UsageError(f"{key} must be a multiple of 32; got {side}: try {key}={nearest}")
        for key, its_setting in settings_by_name(self).items():
            if its_setting.allowed:
                its_setting.allowed.check(key, getattr(self, key))
        check_bounds(**vars(self))
        if not 0 < self.scale_min <= self.scale_max:
            raise UsageError(f"0 < scale_min <= scale_max must hold; got {self.scale_min}, {self.scale_max}")
        if self.box_bins and (self.box_bins == 1 or not self.sides_weight):
            raise UsageError("box_bins is 2 or more, and needs sides_weight: add sides_weight=0.5")
        if self.soft_heatmap and self.quality:
            raise UsageError("quality and soft_heatmap are two targets of the heatmap: leave one of them out")
        if self.freeze == "encoder" and self.lr_encoder:
            raise UsageError("freeze=encoder keeps what lr_encoder would train: leave one of them out")
        if not _DEVICES.fullmatch(self.devices):
            hint = "; device=0 is the first GPU" if self.devices == "0" else ""
            raise UsageError(
                f"devices is auto, a count from 1 on, or numbers of devices: 0,1; got {self.devices!r}{hint}"
            )

    @property
    def runs(self) -> Path:
        """The folder in which the run folder is made."""
        # Unlike the method of a path, it leaves the home of somebody who is not known as it is.
        return Path(os.path.expanduser(self.project or f"runs/{self.task}"))  # noqa: PTH111


def with_settings(recipe: Recipe, **settings: Any) -> Recipe:
    """A recipe with some settings changed.

    Raises:
        UsageError: A name is unknown, or a value has the wrong type or is out of range.
    """
    known = {item.name: getattr(recipe, item.name) for item in fields(recipe)}
    for key in settings:
        if key not in known:
            hint = hint_for(key, known, "train") or "`centernet train --help all` lists all settings"
            raise UsageError(f"unknown setting {key!r}: {hint}")
    return replace(recipe, **{key: _as_type_of(key, value, known[key]) for key, value in settings.items()})


def in_proportion(recipe: Recipe, base: Recipe, chosen: Collection[str]) -> Recipe:
    """The recipe with `lr_steps` and `plain_epochs` scaled to its number of epochs, unless they were chosen.

    Args:
        recipe: The recipe with the chosen settings.
        base: The recipe without them.
        chosen: Names of the settings that were given by hand.
    """
    ratio = recipe.epochs / base.epochs
    scaled: dict[str, Any] = {}
    if "lr_steps" not in chosen:
        scaled["lr_steps"] = tuple(max(1, round(ratio * step)) for step in base.lr_steps)
    if "plain_epochs" not in chosen:
        scaled["plain_epochs"] = round(ratio * base.plain_epochs)
    return replace(recipe, **scaled)


SETTINGS = settings_by_name(Recipe)
"""Every setting by name."""

_TYPES = {item.name: item.type for item in fields(Recipe)}


def _word(value: Any) -> str:
    """The value as text, as it is typed: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_type_of(key: str, value: Any, example: Any) -> Any:
    """The value in the type the setting has: `8` becomes a float and `[90, 120]` a tuple."""
    if isinstance(example, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(example, tuple):
        has_any_length = ... in get_args(_TYPES[key])
        if isinstance(value, list | tuple) and (has_any_length or len(value) == len(example)):
            return tuple(_as_type_of(key, item, example[0]) for item in value)
    elif isinstance(example, str):
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else _word(value)
        allowed = SETTINGS[key].allowed
        return text.lower() if allowed and allowed.choices else text
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if isinstance(example, float):
            return float(value)
        if value == int(value):
            return int(value)
    raise UsageError(f"{key} takes a value like {example!r}, {SETTINGS[key].about}; got {value!r}")
