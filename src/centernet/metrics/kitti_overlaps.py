"""Overlaps of KITTI's ground truth and detections: 2D boxes, bird's-eye view, and 3D boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.geometry.boxes3d import ground_and_3d_iou, ground_areas, intersections, volumes
from centernet.structures import KittiObjects

PAIRS_AT_ONCE = 1 << 15
"""Pairs whose overlaps are computed together; each takes some 2 kB of memory meanwhile."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OverlappingPairs:
    """Pairs of a ground-truth object and a detection of the same frame that overlap.

    Attributes:
        ground_truth: Index of the ground-truth object, sorted.
        found: Index of the detection, sorted within each ground-truth object.
        iou: IoU of the 2D boxes, in bird's-eye view, and of the 3D boxes.
    """

    ground_truth: Int[np.ndarray, " p"]
    found: Int[np.ndarray, " p"]
    iou: Float[np.ndarray, "p 3"]


def overlapping_pairs(
    ground_truth: KittiObjects,
    found: KittiObjects,
    is_evaluated: Bool[np.ndarray, " n"],
    min_iou: Float[np.ndarray, " 3"],
) -> OverlappingPairs:
    """Pairs whose IoU exceeds one of three thresholds.

    Args:
        ground_truth: Ground-truth objects.
        found: Detections in the same frames.
        is_evaluated: Ground-truth objects whose pairs are returned.
        min_iou: Thresholds in 2D, bird's-eye view and 3D.
    """
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [
        (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 3)))
    ]
    for true_index, found_index in _pairs_of_frames(ground_truth, found, np.flatnonzero(is_evaluated)):
        true_boxes, found_boxes = ground_truth.boxes[true_index], found.boxes[found_index]
        iou = np.zeros((len(true_index), 3))
        shared = _image_intersections(true_boxes, found_boxes)
        total = _image_areas(true_boxes) + _image_areas(found_boxes)
        np.divide(shared, total - shared, out=iou[:, 0], where=shared > 0)
        true_boxes3d, found_boxes3d = ground_truth.boxes3d[true_index], found.boxes3d[found_index]
        near = _are_near(true_boxes3d, found_boxes3d)
        iou[near, 1:] = np.stack(ground_and_3d_iou(true_boxes3d[near], found_boxes3d[near]), axis=1)
        keep = (iou > min_iou).any(axis=1)
        parts.append((true_index[keep], found_index[keep], iou[keep]))
    true_indices, found_indices, ious = zip(*parts, strict=True)
    return OverlappingPairs(
        ground_truth=np.concatenate(true_indices),
        found=np.concatenate(found_indices),
        iou=np.concatenate(ious),
    )


def covered_fractions(
    ground_truth: KittiObjects, found: KittiObjects, is_region: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, "m 3"]:
    """The largest fraction of each detection in one `DontCare` region: of its 2D box, ground area and volume.

    Regions without a location lie at -1000, as all 3D boxes without a location do: KITTI's program counts
    their overlaps.
    """
    fractions = np.zeros((len(found), 3))
    for region, index in _pairs_of_frames(ground_truth, found, np.flatnonzero(is_region)):
        regions3d, boxes3d = ground_truth.boxes3d[region], found.boxes3d[index]
        near = _are_near(regions3d, boxes3d)
        on_image = _image_intersections(ground_truth.boxes[region], found.boxes[index])
        on_ground, in_3d = intersections(regions3d[near], boxes3d[near])
        _raise_to(fractions[:, 0], index, on_image, _image_areas(found.boxes))
        _raise_to(fractions[:, 1], index[near], on_ground, ground_areas(found.boxes3d))
        _raise_to(fractions[:, 2], index[near], in_3d, volumes(found.boxes3d))
    return fractions


def _raise_to(
    fractions: Float[np.ndarray, " m"],
    index: Int[np.ndarray, " p"],
    shared: Float[np.ndarray, " p"],
    whole: Float[np.ndarray, " m"],
) -> None:
    """Raise the fractions at some indices to the shared part of the whole, in place, where it is larger."""
    overlaps = shared > 0
    np.maximum.at(fractions, index[overlaps], shared[overlaps] / whole[index[overlaps]])


def _pairs_of_frames(
    ground_truth: KittiObjects, found: KittiObjects, rows: Int[np.ndarray, " n"]
) -> Iterator[tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]]:
    """Indices of some objects, each with every detection of its frame, in parts of bounded size."""
    starts = np.searchsorted(found.frame, np.arange(len(found.frames) + 1))
    counts = np.diff(starts)[ground_truth.frame[rows]]
    total = np.cumsum(counts)
    for part in np.split(rows, np.flatnonzero(np.diff(total // PAIRS_AT_ONCE)) + 1):
        start, count = starts[ground_truth.frame[part]], np.diff(starts)[ground_truth.frame[part]]
        before = np.cumsum(count) - count
        true_index = np.repeat(part, count)
        yield true_index, np.arange(len(true_index)) + np.repeat(start - before, count)


def _image_intersections(
    first: Float[np.ndarray, "n 4"], second: Float[np.ndarray, "n 4"]
) -> Float[np.ndarray, " n"]:
    top_left = np.maximum(first[:, :2], second[:, :2])
    bottom_right = np.minimum(first[:, 2:], second[:, 2:])
    return np.clip(bottom_right - top_left, 0, None).prod(axis=1)


def _image_areas(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _are_near(first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]) -> Bool[np.ndarray, " n"]:
    """True if circles round the boxes on the ground overlap, a cheap test that most pairs fail."""
    distance = np.hypot(*(first[:, [3, 5]] - second[:, [3, 5]]).T)
    diameters = np.hypot(first[:, 1], first[:, 2]) + np.hypot(second[:, 1], second[:, 2])
    return distance < diameters / 2
