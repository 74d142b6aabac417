"""How much KITTI's true objects and what was found overlap: on the image, seen from above, and in 3D."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.geometry.boxes3d import ground_and_3d_iou, ground_areas, intersections, volumes
from centernet.structures import KittiObjects

PAIRS_AT_ONCE = 1 << 15
"""A pair takes some 2 kB while it is measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """True and found objects of the same frame that overlap enough to matter.

    Attributes:
        ground_truth: Which true object, sorted.
        found: Which found object; sorted for each true one.
        iou: Intersection over union on the image, seen from above, and of the volumes.
    """

    ground_truth: Int[np.ndarray, " p"]
    found: Int[np.ndarray, " p"]
    iou: Float[np.ndarray, "p 3"]


def overlapping_pairs(
    ground_truth: KittiObjects,
    found: KittiObjects,
    is_asked: Bool[np.ndarray, " n"],
    above: Float[np.ndarray, " 3"],
) -> Pairs:
    """Pairs with an overlap above one of three limits; only true objects that are asked for."""
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [
        (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 3)))
    ]
    for one, other in _pairs_of_frames(ground_truth, found, np.flatnonzero(is_asked)):
        iou = np.zeros((len(one), 3))
        shared = _image_intersections(ground_truth.boxes[one], found.boxes[other])
        total = _image_areas(ground_truth.boxes[one]) + _image_areas(found.boxes[other])
        np.divide(shared, total - shared, out=iou[:, 0], where=shared > 0)
        near = _are_near(ground_truth.boxes3d[one], found.boxes3d[other])
        solid = ground_and_3d_iou(ground_truth.boxes3d[one[near]], found.boxes3d[other[near]])
        iou[near, 1:] = np.stack(solid, axis=1)
        keep = (iou > above).any(axis=1)
        parts.append((one[keep], other[keep], iou[keep]))
    ones, others, ious = zip(*parts, strict=True)
    return Pairs(ground_truth=np.concatenate(ones), found=np.concatenate(others), iou=np.concatenate(ious))


def covered_shares(
    ground_truth: KittiObjects, found: KittiObjects, is_region: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, "m 3"]:
    """The largest share of each found object that lies in one region: of its box, its ground, its volume.

    Regions without a place on the ground lie at -1000, where all boxes without a place are: so the official
    program counts it.
    """
    shares = np.zeros((len(found), 3))
    for one, other in _pairs_of_frames(ground_truth, found, np.flatnonzero(is_region)):
        image = _image_intersections(ground_truth.boxes[one], found.boxes[other])
        near = _are_near(ground_truth.boxes3d[one], found.boxes3d[other])
        solid = intersections(ground_truth.boxes3d[one[near]], found.boxes3d[other[near]])
        _raise_to(shares[:, 0], other, image, _image_areas(found.boxes))
        _raise_to(shares[:, 1], other[near], solid[0], ground_areas(found.boxes3d))
        _raise_to(shares[:, 2], other[near], solid[1], volumes(found.boxes3d))
    return shares


def _raise_to(
    shares: Float[np.ndarray, " m"],
    index: Int[np.ndarray, " p"],
    shared: Float[np.ndarray, " p"],
    whole: Float[np.ndarray, " m"],
) -> None:
    """Where more is shared than before."""
    some = shared > 0
    np.maximum.at(shares, index[some], shared[some] / whole[index[some]])


def _pairs_of_frames(
    ground_truth: KittiObjects, found: KittiObjects, asked: Int[np.ndarray, " n"]
) -> Iterator[tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]]:
    """Every asked true object with every found one of its frame, some tens of thousands at a time."""
    starts = np.searchsorted(found.frame, np.arange(len(found.frames) + 1))
    counts = np.diff(starts)[ground_truth.frame[asked]]
    total = np.cumsum(counts)
    for part in np.split(asked, np.flatnonzero(np.diff(total // PAIRS_AT_ONCE)) + 1):
        start, count = starts[ground_truth.frame[part]], np.diff(starts)[ground_truth.frame[part]]
        before = np.cumsum(count) - count
        one = np.repeat(part, count)
        yield one, np.arange(len(one)) + np.repeat(start - before, count)


def _image_intersections(
    first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, " n"]:
    top_left = np.maximum(first[:, :2], second[:, :2])
    bottom_right = np.minimum(first[:, 2:], second[:, 2:])
    return np.clip(bottom_right - top_left, 0, None).prod(axis=1)


def _image_areas(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _are_near(first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]) -> Bool[np.ndarray, " n"]:
    """Whether circles round them on the ground meet: most pairs are told apart by that."""
    distance = np.hypot(*(first[:, [3, 5]] - second[:, [3, 5]]).T)
    reach = np.hypot(first[:, 1], first[:, 2]) + np.hypot(second[:, 1], second[:, 2])
    return distance < reach / 2
