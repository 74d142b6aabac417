"""The tasks of the original: which heads each has, what they become here, what is refused."""

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
    """A task of the original.

    Attributes:
        name: Ours.
        original: The original's.
        marker: The head that only this task has.
        heads: Channels of each head; none where they are the number of classes or of keypoints.
        optional: Heads that options of the original take away (`--not_hm_hp`), and that may be absent here.
        task: The task of ours that the maps belong to.
        presets: Data sets by their number of classes.
        other: The data set whose way of showing images holds for any other number.
        hub_tag: What the model hub calls the task.
        classes: The head with a channel for each class.
        paper: What the original program belongs to.
    """

    name: str
    original: str
    marker: str
    heads: Mapping[str, int | None]
    optional: tuple[str, ...]
    task: Callable[[Channels, Categories], Task]
    presets: Mapping[int, DatasetPreset]
    other: DatasetPreset
    hub_tag: str
    classes: str = "hm"
    paper: str = 'Zhou et al. 2019, "Objects as Points"'

    def complaint(self, channels: Channels) -> str | None:
        """What stands against these heads, in words; nothing where they are as they should be."""
        for head in self.heads:
            if head not in channels and head not in self.optional:
                return f"it has no head {head!r}, which {self.original} needs{_without(head)}"
        num_classes = channels[self.classes]
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
        """The data set with so many classes; one's own where names are given or the number is not known."""
        num_classes = channels[self.classes]
        if names or num_classes not in self.presets:
            data = self.other.with_classes(num_classes, names)
        else:
            data = self.presets[num_classes]
        return data.with_keypoints(channels["hps"] // 2) if "hps" in channels else data

    def _expected(self, channels: Channels) -> dict[str, int]:
        fixed = {head: count for head, count in self.heads.items() if count is not None}
        if "hps" in channels:
            # Two numbers for each keypoint.
            num_keypoints = channels["hps"] // 2
            fixed |= {"hps": 2 * num_keypoints, "hm_hp": num_keypoints}
        # Every heatmap of keypoint triplets has a channel for each class.
        return fixed | {head: channels[self.classes] for head in self.heads if head.endswith("_heats")}


def _without(head: str) -> str:
    return " (it was trained with --not_reg_offset)" if head == "reg" else ""


def _detect(channels: Channels, categories: Categories) -> Task:
    del categories
    return Detect(num_classes=channels["hm"], top_k=TOP_K)


def _pose(channels: Channels, categories: Categories) -> Task:
    # Options of the original take heads away, and there may be classes that share their keypoints.
    is_whole = channels["hm"] == 1 and channels.keys() == POSE.heads.keys()
    return Pose.of(categories, top_k=TOP_K) if is_whole else _raw("pose", channels)


def _mono3d(channels: Channels, categories: Categories) -> Task:
    del categories
    # Options of the original take boxes on the image away.
    is_whole = channels.keys() == MONO3D.heads.keys()
    return Mono3D(num_classes=channels["hm"], top_k=TOP_K) if is_whole else _raw("mono3d", channels)


def _triplet(channels: Channels, categories: Categories) -> Task:
    del categories
    return Triplet(num_classes=channels["tl_heats"], top_k=TOP_K)


def _raw(purpose: str, channels: Channels) -> RawMaps:
    maps = {HEADS[head]: count for head, count in channels.items()}
    return RawMaps(purpose=purpose, maps=maps, top_k=TOP_K)


def next_step(task: Task, folder: str) -> str:
    """What can be done with the weights in a folder, as it is typed."""
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
    other=COCO,
    hub_tag="keypoint-detection",
)
MONO3D = OriginalTask(
    name="mono3d",
    original="ddd",
    marker="dep",
    heads={"hm": None, "dep": 1, "rot": 8, "dim": 3, "wh": 2, "reg": 2},
    optional=("wh", "reg"),
    task=_mono3d,
    presets={3: KITTI},
    other=KITTI,
    hub_tag="object-detection",
)
DETECT = OriginalTask(
    name="detect",
    original="ctdet",
    marker="hm",
    heads={"hm": None, "wh": 2, "reg": 2},
    optional=(),
    task=_detect,
    presets={80: COCO, 20: VOC},
    other=COCO,
    hub_tag="object-detection",
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
    other=COCO_TRIPLETS,
    hub_tag="object-detection",
    classes="tl_heats",
    paper='Duan et al. 2019, "CenterNet: Keypoint Triplets for Object Detection"',
)
ORIGINAL_TASKS = (POSE, MONO3D, DETECT, TRIPLET)
"""The first whose marker is there is the one."""

REFUSED = {
    "hm_t": "ExtremeNet (exdet), which finds objects by their outermost points",
    "t_heats": "ExtremeNet, which finds objects by their outermost points",
    "tl_heats": "CornerNet, which finds objects by two corners and has no centres",
}
"""Heads that show a checkpoint of another detector, and which one."""
