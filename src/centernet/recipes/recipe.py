"""What decides a training: one flat record is the YAML, the flags of `centernet train` and `args.yaml`."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

from centernet.errors import UsageError
from centernet.recipes.hints import hint_for

_CHOICES = {
    "optimizer": ("adamw", "adam", "sgd"),
    "schedule": ("cosine", "step"),
    "precision": ("auto", "32", "bf16"),
}
_COUNTS = (
    *("epochs", "batch", "accumulate", "val_every", "num_nodes"),
    *("channels", "head_channels", "pool_channels", "top_k", "levels", "per_cell"),
)
_SHARES = (
    *("windows", "flip", "flip_vertical", "color", "mosaic", "mixup", "copy_paste", "rotate"),
    *("quality", "spread_share"),
)
_AMOUNTS = (
    *("regression_channels", "weight_decay", "warmup_epochs", "clip", "patience", "degrees", "plain_epochs"),
    *("size_weight", "offset_weight", "giou_weight", "sides_weight", "spread"),
    *("keypoints_weight", "keypoint_heatmap_weight", "keypoint_offset_weight"),
    *("depth_weight", "size3d_weight", "heading_weight", "center3d_weight", "focal_px", "slots"),
    *("pull_weight", "push_weight", "seed", "workers", "cache"),
)


_DEVICES = re.compile(r"auto|-1|[1-9]\d*|\d+(,\d+)+")


def _setting(default: Any, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what training does; `centernet train --help` lists it all."""

    task: str = _setting(
        "detect", "detect; triplet, by corners and centres; pose, keypoints too; or mono3d, boxes in 3D"
    )
    backbone: str = _setting(
        "timm/resnet10t", "resnet18[-dcn] to resnet152[-dcn], dla34[-dcn], hourglass104, slim, or timm/NAME"
    )
    channels: int = _setting(64, "channels of the top-down neck of timm encoders")
    head_channels: int = _setting(64, "channels between the two convolutions of a head")
    regression_channels: int = _setting(
        0, "the same of heads that are read at peaks alone, where they cost little; 0: head_channels"
    )
    separable: bool = _setting(False, "3×3 convolutions of that neck and of its heads in two cheap steps")
    pretrained: bool = _setting(False, "fetch ImageNet weights of the encoder")
    start: str = _setting("", "weights whose layers are taken over where they fit; empty: none")
    bgr: bool = _setting(False, "the network sees blue first")
    mean: tuple[float, float, float] = _setting(
        (0.485, 0.456, 0.406), "mean of each channel, in network order"
    )
    std: tuple[float, float, float] = _setting((0.229, 0.224, 0.225), "deviation of each channel")

    imgsz: int = _setting(512, "side of the input, pixels; a multiple of 32")
    crop: int = _setting(0, "side of training inputs cut out at the scale of imgsz, multiple of 32; 0: imgsz")
    rect: bool = _setting(False, "inputs follow the shape of the image instead of being square")
    epochs: int = _setting(100, "passes over the training images")
    batch: int = _setting(16, "images at once on each device")
    accumulate: int = _setting(1, "batches of each device added up before a step")
    optimizer: str = _setting("adamw", "adamw, adam or sgd")
    lr: float = _setting(1e-3, "largest learning rate")
    weight_decay: float = _setting(0.01, "decay of the weights of convolutions")
    momentum: float = _setting(0.9, "of sgd")
    schedule: str = _setting("cosine", "cosine or step")
    lr_steps: tuple[int, ...] = _setting((90, 120), "epochs after which the step schedule divides by ten")
    warmup_epochs: float = _setting(1.0, "epochs over which the learning rate rises to lr")
    clip: float = _setting(10.0, "largest norm of the gradient; 0 for no limit")
    ema: float = _setting(0.999, "decay of the moving average of the weights; 0 for none")
    precision: str = _setting("auto", "auto, 32 or bf16; auto takes bf16 where the hardware has it")
    patience: int = _setting(0, "stop after so many epochs without better AP; 0 never stops early")
    val_every: int = _setting(1, "epochs from one validation to the next")

    scale_min: float = _setting(0.6, "smallest window shown in training, share of the whole image")
    scale_max: float = _setting(1.3, "largest window")
    random_crop: bool = _setting(True, "window anywhere; false: shifted a little round the middle")
    windows: float = _setting(1.0, "share of images shown through a window, the others whole; not with crop")
    flip: float = _setting(0.5, "share of images mirrored left to right")
    flip_vertical: float = _setting(0.0, "share mirrored top to bottom")
    quarter_turns: bool = _setting(False, "turn by multiples of 90 degrees")
    color: float = _setting(0.4, "strength of random colours; 0 for none")
    mosaic: float = _setting(0.0, "share of inputs made of four images")
    mixup: float = _setting(0.0, "share of inputs blended with another image")
    copy_paste: float = _setting(0.0, "share of inputs into which objects of another image are pasted")
    rotate: float = _setting(0.0, "share of images turned by any angle")
    degrees: float = _setting(20.0, "deviation of that angle, at most twice that")
    plain_epochs: int = _setting(0, "last epochs with whole images, not mirrored, turned or mixed")

    train_crowd: bool = _setting(False, "learn crowd regions as ordinary objects, as the original does")

    top_k: int = _setting(100, "most detections in an image")
    levels: int = _setting(1, "sizes of objects that have maps of their own, each at twice the stride")
    level_cells: float = _setting(4.0, "least side of the objects of the second and further levels, cells")
    per_cell: int = _setting(1, "objects of one class that may lie in one cell or neighbouring ones")
    corrected_radius: bool = _setting(False, "solve the radius of the bumps exactly, not as the originals do")
    size_weight: float = _setting(0.1, "weight of the L1 loss of the size")
    offset_weight: float = _setting(1.0, "weight of the L1 loss of the offset")
    giou_weight: float = _setting(0.0, "weight of the generalised-IoU loss of the box")
    sides_weight: float = _setting(
        0.0, "weight of the L1 loss of the four sides, learned in place of size and offset; 0: no such map"
    )
    quality: float = _setting(0.0, "how far peaks should tell the IoU of their box, 0 to 1")

    keypoints_weight: float = _setting(1.0, "weight of the L1 loss of the arrows to keypoints")
    keypoint_heatmap_weight: float = _setting(1.0, "weight of the focal loss of the keypoints")
    keypoint_offset_weight: float = _setting(1.0, "weight of the L1 loss of the keypoints' offset")
    edges: str = _setting("", "lines of the skeleton, 0:1,1:2 or nose:left_eye; empty: the data set's")
    flip_pairs: str = _setting("", "left and right keypoints, 1:2,3:4; empty: the data set's")
    sigmas: str = _setting("", "tolerance of each keypoint for OKS, 0.026,0.025; empty: the data set's")
    spread: int = _setting(0, "cells round a centre's in which size and offset are learned too")
    spread_share: float = _setting(
        0.0, "middle part of a box's sides in whose cells it is learned, weighted by a bump"
    )

    depth_weight: float = _setting(1.0, "weight of the L1 loss of the depth, metres")
    size3d_weight: float = _setting(1.0, "weight of the L1 loss of height, width and length, metres")
    heading_weight: float = _setting(1.0, "weight of the loss of the heading")
    center3d_weight: float = _setting(
        1.0, "weight of the L1 loss of where the middle in 3D is seen; 0: no map"
    )
    focal_px: float = _setting(500.0, "focal length that depths are told for; 0: as each camera sees them")
    slots: int = _setting(
        0, "average 3D losses over so many places an image, as the original; 0: over objects"
    )

    pool_channels: int = _setting(128, "channels within the corner and centre pooling of triplet")
    pull_weight: float = _setting(0.6, "weight of how far the tags of the corners of an object are apart")
    push_weight: float = _setting(0.6, "weight of how near the tags of different objects are")

    seed: int = _setting(0, "one seed for everything")
    workers: int = _setting(2, "processes that prepare images")
    cache: float = _setting(1.0, "GB of decoded images kept in memory by each worker")
    device: str = _setting("auto", "auto, cpu, mps, cuda, cuda:1, or numbers of GPUs: 0,1")
    devices: str = _setting("auto", "how many devices, or which ones: 2, 0,1")
    num_nodes: int = _setting(1, "machines")
    strategy: str = _setting("auto", "how devices share the work: auto, ddp, ...")
    tensorboard: bool = _setting(False, "also write TensorBoard events into the run folder")
    project: str = _setting("", "folder of run folders; runs/TASK where it is not given")
    name: str = _setting("train", "name of the run folder")
    exist_ok: bool = _setting(False, "write into a run folder that exists")

    def __post_init__(self) -> None:
        for key, side in {"imgsz": self.imgsz, "crop": self.crop or 32}.items():
            if side < 32 or side % 32:
                nearest = max(32, round(side / 32) * 32)
                raise UsageError(f"{key} must be a multiple of 32; got {side}: try {key}={nearest}")
        for key in _COUNTS:
            if getattr(self, key) < 1:
                raise UsageError(f"{key} must be at least 1; got {getattr(self, key)}")
        for key in _SHARES:
            if not 0 <= getattr(self, key) <= 1:
                raise UsageError(f"{key} is a share from 0 to 1; got {getattr(self, key)}")
        for key in _AMOUNTS:
            if getattr(self, key) < 0:
                raise UsageError(f"{key} is 0 or more; got {getattr(self, key)}")
        if min(self.std) <= 0:
            raise UsageError(f"the numbers of std are above 0; got {self.std}")
        if not 0 < self.scale_min <= self.scale_max:
            raise UsageError(f"0 < scale_min <= scale_max must hold; got {self.scale_min}, {self.scale_max}")
        if self.level_cells <= 0:
            raise UsageError(f"level_cells must be above 0; got {self.level_cells}")
        if self.lr <= 0:
            raise UsageError(f"lr must be above 0; got {self.lr}")
        for key in ("ema", "momentum"):
            if not 0 <= getattr(self, key) < 1:
                raise UsageError(f"{key} is a decay from 0 to below 1; got {getattr(self, key)}")
        if not _DEVICES.fullmatch(self.devices):
            hint = "; device=0 is the first GPU" if self.devices == "0" else ""
            raise UsageError(
                f"devices is auto, a count from 1 on, or numbers of devices: 0,1; got {self.devices!r}{hint}"
            )
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise UsageError(f"{key} is one of {', '.join(choices)}; got {getattr(self, key)!r}")

    @property
    def runs(self) -> Path:
        """Where the folder of the run is made."""
        return Path(self.project or f"runs/{self.task}")


def with_settings(recipe: Recipe, **settings: Any) -> Recipe:
    """A recipe with some settings changed; unknown names and wrong types are named."""
    known = {item.name: getattr(recipe, item.name) for item in fields(recipe)}
    for key in settings:
        if key not in known:
            hint = hint_for(key, known, "train") or "`centernet train --help` lists all settings"
            raise UsageError(f"unknown setting {key!r}: {hint}")
    return replace(recipe, **{key: _as_type_of(key, value, known[key]) for key, value in settings.items()})


def in_proportion(recipe: Recipe, base: Recipe, chosen: Collection[str]) -> Recipe:
    """The recipe with what happens at certain epochs moved, where their number was chosen and that was not.

    Args:
        recipe: With what was chosen.
        base: Without.
        chosen: Settings that were given by hand.
    """
    share = recipe.epochs / base.epochs
    moved: dict[str, Any] = {}
    if "lr_steps" not in chosen:
        moved["lr_steps"] = tuple(max(1, round(share * step)) for step in base.lr_steps)
    if "plain_epochs" not in chosen:
        moved["plain_epochs"] = round(share * base.plain_epochs)
    return replace(recipe, **moved)


_ABOUT = {item.name: item.metadata["about"] for item in fields(Recipe)}
_TYPES = {item.name: item.type for item in fields(Recipe)}


def _as_type_of(key: str, value: Any, example: Any) -> Any:
    """The value in the type the setting has: `8` is a fine float and `[90, 120]` a fine tuple."""
    if isinstance(example, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(example, tuple):
        has_any_length = ... in get_args(_TYPES[key])
        if isinstance(value, list | tuple) and (has_any_length or len(value) == len(example)):
            return tuple(_as_type_of(key, one, example[0]) for one in value)
    elif isinstance(example, str):
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return text.lower() if key in _CHOICES else text
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if isinstance(example, float):
            return float(value)
        if value == int(value):
            return int(value)
    raise UsageError(f"{key} takes a value like {example!r}, {_ABOUT[key]}; got {value!r}")
