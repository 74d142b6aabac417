"""Tasks of the original programs: their heads, their tasks here, and detectors that are not supported."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from centernet.conversion.dataset_presets import (
    COCO,
    COCO_TRIPLETS,
    KITTI,
    PERSONS,
    TOP_K,
    VOC,
    DatasetPreset,
)
from centernet.conversion.weight_names import HEADS
from centernet.protocols import Task
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.raw import RawMaps
from centernet.tasks.triplet.task import Triplet

Channels = Mapping[str, int]
"""Channels of each head by the original's name."""


@dataclass(frozen=True, kw_only=True)
class OriginalTask:
    """A task of an original program.

    Attributes:
        name: Name of the task here.
        original: Name of the task in the original.
        marker: Head that only this task has.
        heads: Channels of each head; None if they depend on the number of classes or keypoints.
        optional: Heads that options of the original remove (`--not_hm_hp`), and that may be missing.
        task: Builds the task here from the channels of the heads and the classes.
        presets: Data sets by number of classes.
        default_preset: Data set whose preprocessing is used for any other number of classes.
        pipeline_tag: Name of the task on the Hugging Face hub.
        class_head: Head with a channel for each class.
        paper: Paper of the original program.
    """

    name: str
    original: str
    marker: str
    heads: Mapping[str, int | None]
    optional: tuple[str, ...]
    task: Callable[[Channels, Categories], Task]
    presets: Mapping[int, DatasetPreset]
    default_preset: DatasetPreset
    pipeline_tag: str
    class_head: str = "hm"
    paper: str = 'Zhou et al. 2019, "Objects as Points"'

    def problem(self, channels: Channels) -> str | None:
        """The reason why these heads are not supported, for a message; None if they are."""
        for head in self.heads:
            if head not in channels and head not in self.optional:
                return f"it has no head {head!r}, which {self.original} needs{_without(head)}"
        num_classes = channels[self.class_head]
        if num_classes > 1 and channels.get("wh") == 2 * num_classes:
            return (
                f"its head 'wh' has a size for each of {num_classes} classes (--cat_spec_wh), and there is "
                "no such task here: train it without that option"
            )
        for head, count in self._expected(channels).items():
            if channels.get(head, count) != count:
                return f"its head {head!r} has {channels[head]} channels where {self.original} has {count}"
        return None

    def preset(self, channels: Channels, names: tuple[str, ...] = ()) -> DatasetPreset:
        """The preset for this number of classes; a custom one if names are given or the number is unknown."""
        num_classes = channels[self.class_head]
        if names or num_classes not in self.presets:
            preset = self.default_preset.with_classes(num_classes, names)
        else:
            preset = self.presets[num_classes]
        return preset.with_keypoints(channels["hps"] // 2) if "hps" in channels else preset

    def _expected(self, channels: Channels) -> dict[str, int]:
        fixed = {head: count for head, count in self.heads.items() if count is not None}
        if "hps" in channels:
            # Two numbers for each keypoint.
            num_keypoints = channels["hps"] // 2
            fixed |= {"hps": 2 * num_keypoints, "hm_hp": num_keypoints}
        # Every heatmap of keypoint triplets has one channel for each class.
        return fixed | {head: channels[self.class_head] for head in self.heads if head.endswith("_heats")}


def _without(head: str) -> str:
    return " (it was trained with --not_reg_offset)" if head == "reg" else ""


def _detect(channels: Channels, categories: Categories) -> Task:
    del categories
    return Detect(num_classes=channels["hm"], top_k=TOP_K)


def _pose(channels: Channels, categories: Categories) -> Task:
    # Options of the original remove heads, and several classes may share their keypoints.
    is_supported = channels["hm"] == 1 and channels.keys() == POSE.heads.keys()
    return Pose.of(categories, top_k=TOP_K) if is_supported else _raw("pose", channels)


def _mono3d(channels: Channels, categories: Categories) -> Task:
    del categories
    # Options of the original remove the 2D boxes.
    is_supported = channels.keys() == MONO3D.heads.keys()
    return Mono3D(num_classes=channels["hm"], top_k=TOP_K) if is_supported else _raw("mono3d", channels)


def _triplet(channels: Channels, categories: Categories) -> Task:
    del categories
    return Triplet(num_classes=channels["tl_heats"], top_k=TOP_K)


def _raw(purpose: str, channels: Channels) -> RawMaps:
    maps = {HEADS[head]: count for head, count in channels.items()}
    return RawMaps(purpose=purpose, maps=maps, top_k=TOP_K)


def next_step(task: Task, folder: str) -> str:
    """The command, or the Python code, that uses the weights in a folder."""
    if isinstance(task, RawMaps):
        return f"in Python, CenterNet({folder!r}).network(images) gives the raw maps"
    camera = ["camera=calib.txt"] if isinstance(task, Mono3D) else []
    return shlex.join(["centernet", "predict", f"model={folder}", "source=images/", *camera])


POSE = OriginalTask(
    name="pose",
    original="multi_pose",
    marker="hps",
    heads={"hm": None, "wh": 2, "hps": None, "reg": 2, "hm_hp": None, "hp_offset": 2},
    optional=("reg", "hm_hp", "hp_offset"),
    task=_pose,
    presets={1: PERSONS},
    default_preset=COCO,
    pipeline_tag="keypoint-detection",
)
MONO3D = OriginalTask(
    name="mono3d",
    original="ddd",
    marker="dep",
    heads={"hm": None, "dep": 1, "rot": 8, "dim": 3, "wh": 2, "reg": 2},
    optional=("wh", "reg"),
    task=_mono3d,
    presets={3: KITTI},
    default_preset=KITTI,
    pipeline_tag="object-detection",
)
DETECT = OriginalTask(
    name="detect",
    original="ctdet",
    marker="hm",
    heads={"hm": None, "wh": 2, "reg": 2},
    optional=(),
    task=_detect,
    presets={80: COCO, 20: VOC},
    default_preset=COCO,
    pipeline_tag="object-detection",
)
TRIPLET = OriginalTask(
    name="triplet",
    original="keypoint-triplet",
    marker="ct_heats",
    heads={
        **{f"{point}_heats": None for point in ("tl", "br", "ct")},
        **{f"{point}_tags": 1 for point in ("tl", "br")},
        **{f"{point}_regrs": 2 for point in ("tl", "br", "ct")},
    },
    optional=(),
    task=_triplet,
    presets={80: COCO_TRIPLETS},
    default_preset=COCO_TRIPLETS,
    pipeline_tag="object-detection",
    class_head="tl_heats",
    paper='Duan et al. 2019, "CenterNet: Keypoint Triplets for Object Detection"',
)
ORIGINAL_TASKS = (POSE, MONO3D, DETECT, TRIPLET)
"""Tasks in the order of the search: the first whose marker is present is chosen."""

UNSUPPORTED = {
    "hm_t": "ExtremeNet (exdet), which detects objects by their extreme points",
    "t_heats": "ExtremeNet, which detects objects by their extreme points",
    "tl_heats": "CornerNet, which detects objects by two corners and has no centres",
}
"""Heads of detectors that are not supported, and the name of the detector."""
