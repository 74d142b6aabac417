"""Mixes of two inputs: mixup (Zhang et al. 2018), and copy-paste of objects.

Objects are annotated by boxes, not masks, so a pasted object is a box with soft edges: Dwibedi et al. 2017,
"Cut, Paste and Learn", sec. 5.2, found that networks learn hard edges as an artefact.
"""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from centernet.geometry.boxes import box_areas
from centernet.structures import Annotations, Sample

MAX_HIDDEN = 0.3
"""Largest fraction of an object that pasting may hide, or that may be copied along with another object."""

SOFT_PX = 4
"""Width of the margin in which a pasted box fades out, pixels."""

_TRIES = 10
"""Random places tried for each object."""


def mixup_samples(sample: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    """Two inputs of one size blended, with the objects of both.

    The weight is drawn from Beta(8, 8): mostly near one half, so that all objects stay visible.

    Args:
        sample: One input, whose view is kept.
        other: The mixup image.
        rng: Random generator.
    """
    weight = float(rng.beta(8, 8))
    return replace(
        sample,
        image=cv2.addWeighted(sample.image, weight, other.image, 1 - weight, 0),
        annotations=Annotations.joined([sample.annotations, other.annotations]),
    )


def copy_paste_samples(sample: Sample, source: Sample, rng: np.random.Generator) -> Sample:
    """An input with objects of another input of the same size pasted at random places.

    A random number of the objects that are wholly visible are pasted, each with the objects in its box; none
    where there is no room. Keypoints behind a pasted box get visibility 1.

    Args:
        sample: Target; it is not changed.
        source: Paste source.
        rng: Random generator.
    """
    groups = _groups(source)
    count = int(rng.integers(1, len(groups) + 1)) if groups else 0
    pasted = replace(sample, image=sample.image.copy())
    for i in rng.permutation(len(groups))[:count].tolist():
        box, inside = groups[i]
        move = _random_move(pasted, box, rng)
        if move is not None:
            pasted = _paste(pasted, source, box, inside, move)
    return pasted


def _groups(source: Sample) -> list[tuple[Float[np.ndarray, "4"], Bool[np.ndarray, " n"]]]:
    """Boxes that can be copied, each with a mask of the objects in it."""
    boxes, is_crowd = source.annotations.boxes, source.annotations.is_crowd
    clipped = _clipped_boxes(source)
    is_whole = (clipped == boxes).all(axis=1) & (box_areas(boxes) >= 1) & ~is_crowd
    groups = []
    for i in np.flatnonzero(is_whole):
        fractions = _fractions_within(clipped, boxes[i])
        inside = (fractions >= 1 - MAX_HIDDEN) & is_whole
        if (fractions[~inside] <= MAX_HIDDEN).all():
            groups.append((boxes[i], inside))
    return groups


def _clipped_boxes(sample: Sample) -> Float[np.ndarray, "n 4"]:
    """The boxes clipped to the image."""
    height, width = sample.image.shape[:2]
    return np.clip(sample.annotations.boxes, 0, np.array([width, height] * 2, dtype=np.float32) - 1)


def _fractions_within(
    boxes: Float[np.ndarray, "n 4"], box: Float[np.ndarray, "4"]
) -> Float[np.ndarray, " n"]:
    """The fraction of each box that is inside another one."""
    cut = np.concatenate([np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])], axis=1)
    return box_areas(cut) / np.maximum(box_areas(boxes), np.finfo(np.float32).tiny)


def _random_move(
    sample: Sample, box: Float[np.ndarray, "4"], rng: np.random.Generator
) -> tuple[int, int] | None:
    """A random shift `(x, y)` after which a box hides no object; None if none was found."""
    height, width = sample.image.shape[:2]
    low = np.ceil(-box[:2]).astype(int)
    high = np.floor([width - 1 - box[2], height - 1 - box[3]]).astype(int)
    clipped, hiding = _clipped_boxes(sample), box + SOFT_PX * np.array([-1, -1, 1, 1])
    for _ in range(_TRIES):
        move = rng.integers(low, high, endpoint=True)
        if (_fractions_within(clipped, hiding + np.tile(move, 2)) <= MAX_HIDDEN).all():
            return int(move[0]), int(move[1])
    return None


def _paste(
    sample: Sample,
    source: Sample,
    box: Float[np.ndarray, "4"],
    inside: Bool[np.ndarray, " n"],
    move: tuple[int, int],
) -> Sample:
    """The sample with a box of the source moved and pasted; writes into the sample's image."""
    shift = np.array(move)
    size = np.array([sample.image.shape[1], sample.image.shape[0]])
    # Both inputs are of one size: the soft margin ends at the border of either.
    first = np.maximum(np.floor(box[:2]).astype(int) - SOFT_PX, np.maximum(0, -shift))
    last = np.minimum(np.ceil(box[2:]).astype(int) + SOFT_PX + 1, np.minimum(size, size - shift))
    weight = _soft_mask(box, first, last)[..., None]
    cut = source.image[first[1] : last[1], first[0] : last[0]]
    place = sample.image[first[1] + move[1] : last[1] + move[1], first[0] + move[0] : last[0] + move[0]]
    place[:] = np.rint(weight * cut + (1 - weight) * place)
    parts = [
        _hide_keypoints(sample.annotations, box + np.tile(shift, 2)),
        _moved(source.annotations[inside], box, move),
    ]
    return replace(sample, annotations=Annotations.joined(parts))


def _soft_mask(
    box: Float[np.ndarray, "4"], first: np.ndarray, last: np.ndarray
) -> Float[np.ndarray, "rows columns"]:
    """Weights of a pasted box: 1 inside, falling to 0 at `SOFT_PX` beyond its sides."""
    columns, rows = np.arange(first[0], last[0]), np.arange(first[1], last[1])
    across = np.maximum(box[0] - columns, columns - box[2])
    down = np.maximum(box[1] - rows, rows - box[3])
    beyond = np.maximum(np.maximum(across, down[:, None]), 0)
    return np.clip(1 - beyond / SOFT_PX, 0, 1)


def _hide_keypoints(annotations: Annotations, box: Float[np.ndarray, "4"]) -> Annotations:
    """Objects whose keypoints inside a pasted box become hidden ones."""
    keypoints = annotations.keypoints.copy()
    places = keypoints[..., :2]
    is_behind = ((places >= box[:2]) & (places <= box[2:])).all(axis=-1)
    keypoints[..., 2] = np.where(is_behind, np.minimum(keypoints[..., 2], 1), keypoints[..., 2])
    return replace(annotations, keypoints=keypoints)


def _moved(annotations: Annotations, box: Float[np.ndarray, "4"], move: tuple[int, int]) -> Annotations:
    """Objects clipped to a box and moved with it; keypoints outside the box are no longer labelled."""
    shift = np.array(move, dtype=np.float32)
    boxes = np.clip(annotations.boxes, np.tile(box[:2], 2), np.tile(box[2:], 2)) + np.tile(shift, 2)
    places, visibility = annotations.keypoints[..., :2], annotations.keypoints[..., 2:]
    is_inside = ((places >= box[:2]) & (places <= box[2:])).all(axis=-1, keepdims=True)
    moved = np.concatenate([places + shift, visibility], axis=-1)
    return replace(
        annotations,
        boxes=boxes.astype(np.float32),
        keypoints=np.where(is_inside & (visibility > 0), moved, np.float32(0)),
    )
