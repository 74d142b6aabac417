"""Skeletons that are known by their keypoints' names: COCO's persons and CrowdPose's.

Sources: https://github.com/cocodataset/cocoapi (sigmas, edges), https://github.com/jeffffffli/CrowdPose.
"""

from collections.abc import Sequence
from dataclasses import replace

from centernet.structures import Skeleton

SHARE_OF_BOX = 0.53
"""So much of its box an object with keypoints fills where no area is stated, as in CrowdPose."""

COCO_PERSON = Skeleton(
    names=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    edges=(
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8)),
        *((7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    ),
    pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ),
)

CROWDPOSE_PERSON = Skeleton(
    names=(
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
        "head",
        "neck",
    ),
    edges=(
        *((0, 2), (2, 4), (1, 3), (3, 5), (0, 1), (0, 6), (1, 7), (6, 7), (6, 8), (8, 10), (7, 9), (9, 11)),
        *((12, 13), (13, 0), (13, 1)),
    ),
    pairs=((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)),
    sigmas=(0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089, 0.079, 0.079),
)


def known_skeleton(names: Sequence[str]) -> Skeleton | None:
    """The skeleton that has just these keypoints in this order, however their words are joined."""
    for skeleton in (COCO_PERSON, CROWDPOSE_PERSON):
        if [_plain(name) for name in names] == [_plain(name) for name in skeleton.names]:
            return replace(skeleton, names=tuple(names))
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()
