"""Complete set-ups by name: one flat record is the YAML, the flags of `centernet train` and `args.yaml`."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from centernet.errors import UsageError


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
    device: str = _setting("auto", "auto, cpu, cuda, mps; passed to the trainer as the accelerator")
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
        for key in ("epochs", "batch", "accumulate", "val_every", "top_k", "levels", "per_cell", "num_nodes"):
            if getattr(self, key) < 1:
                raise UsageError(f"{key} must be at least 1; got {getattr(self, key)}")
        for key in (
            "windows",
            "flip",
            "flip_vertical",
            "mosaic",
            "mixup",
            "copy_paste",
            "rotate",
            "quality",
            "spread_share",
        ):
            if not 0 <= getattr(self, key) <= 1:
                raise UsageError(f"{key} is a share from 0 to 1; got {getattr(self, key)}")
        if not 0 < self.scale_min <= self.scale_max:
            raise UsageError(f"0 < scale_min <= scale_max must hold; got {self.scale_min}, {self.scale_max}")
        if self.focal_px < 0 or self.slots < 0:
            raise UsageError(f"focal_px and slots are 0 or more; got {self.focal_px} and {self.slots}")
        if self.level_cells <= 0:
            raise UsageError(f"level_cells must be above 0; got {self.level_cells}")
        if self.sides_weight < 0:
            raise UsageError(f"sides_weight is 0 or more; got {self.sides_weight}")
        if self.lr <= 0:
            raise UsageError(f"lr must be above 0; got {self.lr}")
        if not 0 <= self.ema < 1:
            raise UsageError(f"ema is a decay from 0 to below 1; got {self.ema}")
        _one_of("optimizer", self.optimizer, ("adamw", "adam", "sgd"))
        _one_of("schedule", self.schedule, ("cosine", "step"))
        _one_of("precision", self.precision, ("auto", "32", "bf16"))

    @property
    def runs(self) -> Path:
        """Where the folder of the run is made."""
        return Path(self.project or f"runs/{self.task}")


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{key} is one of {', '.join(choices)}; got {value!r}")


def with_settings(recipe: Recipe, **settings: Any) -> Recipe:
    """A recipe with some settings changed; unknown names and wrong types are named."""
    known = {item.name: getattr(recipe, item.name) for item in fields(recipe)}
    for key in settings:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "`centernet train --help` lists all settings"
            raise UsageError(f"unknown setting {key!r}: {hint}")
    return replace(recipe, **{key: _as_type_of(key, value, known[key]) for key, value in settings.items()})


def _as_type_of(key: str, value: Any, example: Any) -> Any:
    """The value in the type the setting has: `8` is a fine float and `[90, 120]` a fine tuple."""
    if isinstance(example, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(example, tuple):
        if isinstance(value, list | tuple):
            return tuple(value)
    elif isinstance(example, str):
        return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(example, float):
            return float(value)
        if value == int(value):
            return int(value)
    raise UsageError(f"{key} takes a value like {example!r}; got {value!r}")


def nano() -> Recipe:
    """The fastest on processors: a slim ResNet with a top-down neck of 32 channels."""
    return replace(small(), backbone="slim", channels=32, head_channels=32)


def small() -> Recipe:
    """Fast to train from scratch: ResNet-10 with a top-down neck of 64 channels."""
    return Recipe()


def base() -> Recipe:
    """ResNet-18 with a deep stem and a top-down neck of 128 channels."""
    return Recipe(backbone="timm/resnet18d", channels=128)


def large() -> Recipe:
    """For accelerators: ResNet-50 with a deep stem and a top-down neck of 256 channels."""
    return Recipe(backbone="timm/resnet50d", channels=256, head_channels=128)


def demo() -> Recipe:
    """Generated scenes of 128 pixels, learned in a few minutes on two CPU cores."""
    return Recipe(
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
    """Keypoint triplets on ResNet-18 with cascade corner pooling, narrow enough for a small machine."""
    return Recipe(
        task="triplet",
        backbone="timm/resnet18d",
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
    """Generated roads of 320 pixels with boxes in 3D, learned in twenty minutes on two CPU cores."""
    return Recipe(
        task="mono3d",
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
    """Few images in which no direction means anything; the recipe of the weights `blood-cells`."""
    return Recipe(
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
    """Few images, learned in a quarter of an hour of one core: `microscope` without turns, shorter."""
    return replace(
        microscope(),
        epochs=97,
        batch=4,
        lr_steps=(78,),
        scale_min=0.6,
        flip_vertical=0.0,
        quarter_turns=False,
        plain_epochs=19,
        name="few",
    )


def _paper(backbone: str, *, batch: int, batches: int, head_channels: int = 64, lr: float = 5e-4) -> Recipe:
    """COCO as in "Objects as Points", sec. 5, and its released scripts: Adam, no decay, no warm-up.

    The paper's images for each step were shared by several GPUs, each with batch statistics and a loss of its
    own. One device that adds up as many batches computes the same, so that is what these recipes say; with
    more devices, `accumulate` must be lower: its product with `batch`, devices and machines is the paper's
    number. Encoders of the paper start from ImageNet weights: `pretrained=true`.

    Args:
        backbone: As in `Recipe`.
        batch: Images on each device.
        batches: Such batches for each step.
        head_channels: As in `Recipe`.
        lr: As in `Recipe`.
    """
    return Recipe(
        backbone=backbone,
        batch=batch,
        accumulate=batches,
        devices="1",
        head_channels=head_channels,
        bgr=True,
        mean=(0.40789654, 0.44719302, 0.47026115),
        std=(0.28863828, 0.27408164, 0.27809835),
        epochs=140,
        optimizer="adam",
        lr=lr,
        weight_decay=0.0,
        schedule="step",
        warmup_epochs=0.0,
        clip=0.0,
        ema=0.0,
        val_every=5,
        train_crowd=True,
        workers=8,
    )


def _paper_resnet18(backbone: str) -> Recipe:
    # 114 images, as 18 + 32 + 32 + 32: the nearest to that in equal shares.
    return _paper(backbone, batch=38, batches=3)


def resnet18() -> Recipe:
    """ResNet-18 with three deconvolutions, trained as the paper's `resnet18-dcn`; no figures published."""
    return _paper_resnet18("resnet18")


def resnet18_dcn() -> Recipe:
    """The paper's ResNet-18 with deformable convolutions: 28.1 AP on COCO as published."""
    return _paper_resnet18("resnet18-dcn")


def resnet34() -> Recipe:
    """ResNet-34 with three deconvolutions, trained as the paper's DLA-34; no figures published."""
    return _paper("resnet34", batch=16, batches=8)


def resnet34_dcn() -> Recipe:
    """ResNet-34 with deformable convolutions, trained as the paper's DLA-34; no figures published."""
    return _paper("resnet34-dcn", batch=16, batches=8)


def resnet50() -> Recipe:
    """ResNet-50 with three deconvolutions, trained as the paper's DLA-34; no figures published."""
    return _paper("resnet50", batch=16, batches=8)


def resnet50_dcn() -> Recipe:
    """ResNet-50 with deformable convolutions, trained as the paper's DLA-34; no figures published."""
    return _paper("resnet50-dcn", batch=16, batches=8)


def resnet101() -> Recipe:
    """ResNet-101 with three deconvolutions, trained as the paper's `resnet101-dcn`; no figures published."""
    return _paper("resnet101", batch=12, batches=8, lr=3.75e-4)


def resnet101_dcn() -> Recipe:
    """The paper's ResNet-101 with deformable convolutions: 34.6 AP on COCO as published."""
    return _paper("resnet101-dcn", batch=12, batches=8, lr=3.75e-4)


def dla34() -> Recipe:
    """DLA-34 without deformable convolutions, trained as the paper's `dla34-dcn`; no figures published."""
    return _paper("dla34", batch=16, batches=8, head_channels=256)


def dla34_dcn() -> Recipe:
    """The paper's DLA-34: 36.3 AP on COCO as published, 37.4 with the longer schedule `dla34-dcn-2x`."""
    return _paper("dla34-dcn", batch=16, batches=8, head_channels=256)


def dla34_dcn_2x() -> Recipe:
    """The paper's DLA-34 with 230 epochs, divided by ten after 180 and 210: 37.4 AP on COCO as published."""
    return replace(dla34_dcn(), epochs=230, lr_steps=(180, 210))


def hourglass104() -> Recipe:
    """The paper's Hourglass-104, which went on from ExtremeNet's weights: 40.3 AP on COCO as published."""
    return replace(hourglass104_scratch(), epochs=50, lr_steps=(40,))


def hourglass104_scratch() -> Recipe:
    """Hourglass-104 from random weights, with the epochs of the paper's other networks; nothing published."""
    return _paper("hourglass104", batch=4, batches=6, head_channels=256, lr=2.5e-4)


def dla34_dcn_pose() -> Recipe:
    """The paper's DLA-34 for poses, which went on from `ctdet_coco_dla_2x`: 54.7 AP of keypoints."""
    return replace(dla34_dcn(), task="pose")


def dla34_dcn_pose_3x() -> Recipe:
    """The same with 320 epochs, divided by ten after 270 and 300: 58.9 AP of keypoints published."""
    return replace(dla34_dcn_pose(), epochs=320, lr_steps=(270, 300))


def hourglass104_pose() -> Recipe:
    """The paper's Hourglass-104 for poses, which went on from `ctdet_coco_hg`: 58.7 AP published."""
    return replace(hourglass104(), task="pose")


def hourglass104_pose_3x() -> Recipe:
    """The same with 150 epochs, divided by ten after 130: 64.0 AP of keypoints published."""
    return replace(hourglass104_pose(), epochs=150, lr_steps=(130,))


def dla34_dcn_3d() -> Recipe:
    """The paper's DLA-34 for boxes in 3D on KITTI, but inputs follow the image; no figures published."""
    return replace(
        dla34_dcn(),
        task="mono3d",
        batch=8,
        accumulate=2,
        lr=1.25e-4,
        epochs=70,
        lr_steps=(45, 60),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        imgsz=1280,
        rect=True,
        windows=0.5,
        random_crop=False,
        scale_max=1.4,
        flip=0.0,
        color=0.0,
        train_crowd=False,
        center3d_weight=0.0,
        focal_px=0.0,
        slots=50,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "nano": nano,
    "small": small,
    "base": base,
    "large": large,
    "demo": demo,
    "triplet": triplet,
    "roads": roads,
    "microscope": microscope,
    "few": few,
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
"""Every recipe by the name people type."""
