"""Standard skeletons, recognised by the names of their keypoints: the persons of COCO and of CrowdPose.

Sources: https://github.com/cocodataset/cocoapi (sigmas, edges), https://github.com/jeffffffli/CrowdPose.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from centernet.errors import UsageError
from centernet.structures.categories import Categories, Skeleton

AREA_FRACTION = 0.53
"""Area of an object with keypoints as a fraction of its box, where no area is stated: CrowdPose's value."""

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
    """The standard skeleton with these keypoints in this order; spaces, `_` and `-` in names are equal."""
    for skeleton in (COCO_PERSON, CROWDPOSE_PERSON):
        if [_plain(name) for name in names] == [_plain(name) for name in skeleton.names]:
            return replace(skeleton, names=tuple(names))
    return None


def override_skeleton(
    categories: Categories, *, edges: str = "", flip_pairs: str = "", sigmas: str = ""
) -> Categories:
    """Categories whose skeleton is replaced, field by field, by the user's settings.

    Args:
        categories: One of them has keypoints.
        edges: Lines to draw: `0:1,1:2` or `nose:left_eye`; keypoints count from 0. Empty: unchanged.
        flip_pairs: Left-right pairs, likewise.
        sigmas: One for each keypoint, `0.026,0.025`.

    Raises:
        UsageError: No class or several have keypoints, or a setting does not fit them.
    """
    if not (edges or flip_pairs or sigmas):
        return categories
    labels = [label for label, count in enumerate(categories.num_keypoints) if count]
    if len(labels) != 1:
        raise UsageError(
            f"edges, flip_pairs and sigmas are for one class with keypoints, and here are {len(labels)}: "
            "write them into the categories of the data set"
        )
    skeletons = list(categories.skeletons)
    skeleton = skeletons[labels[0]]
    assert skeleton is not None
    changes: dict[str, Any] = {}
    if edges:
        changes["edges"] = _links("edges", edges, skeleton)
    if flip_pairs:
        changes["pairs"] = _links("flip_pairs", flip_pairs, skeleton)
    if sigmas:
        changes["sigmas"] = _numbers(sigmas)
    try:
        skeletons[labels[0]] = replace(skeleton, **changes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return replace(categories, skeletons=tuple(skeletons))


def fill_skeleton(categories: Categories, known: Categories) -> Categories:
    """Categories whose skeletons take missing edges, pairs and sigmas from `known`, if the counts agree."""
    if categories.num_keypoints != known.num_keypoints:
        return categories
    skeletons = tuple(
        own
        and other
        and replace(
            own,
            edges=own.edges or other.edges,
            pairs=own.pairs or other.pairs,
            sigmas=own.sigmas or other.sigmas,
        )
        for own, other in zip(categories.skeletons, known.skeletons, strict=False)
    )
    return replace(categories, skeletons=skeletons)


def _links(key: str, text: str, skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    numbers = {str(number): number for number in range(len(skeleton))}
    numbers |= {name: number for number, name in enumerate(skeleton.names)}
    links = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split(":")]
        if len(ends) != 2 or not all(end in numbers for end in ends):
            raise UsageError(
                f"{key} are pairs of keypoints such as 0:1,2:3 or {skeleton.names[0]}:{skeleton.names[-1]}; "
                f"got {part!r}: there are {len(skeleton)}, counted from 0"
            )
        links.append((numbers[ends[0]], numbers[ends[1]]))
    return tuple(links)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"sigmas are numbers such as 0.026,0.025; got {text!r}") from None


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()
