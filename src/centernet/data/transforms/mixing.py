"""Two inputs in one: blended (Zhang et al. 2018, "mixup"), or objects of one pasted into the other.

Only boxes are known of objects, so what is pasted is a box with soft edges: after Dwibedi et al. 2017, "Cut,
Paste and Learn", sec. 5.2, where edges that the network could see taught it edges.
"""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from centernet.geometry.boxes import box_areas
from centernet.structures import Annotations, Sample

HIDDEN = 0.3
"""Pasting changes no more than this share of an object, and no more of another is cut out with one."""

SOFT_PX = 4
"""How far a pasted box reaches over its sides while it fades, pixels."""

_TRIES = 10
"""Places that are tried for each object."""


def mixup_samples(sample: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    """Two inputs of one size seen through each other, with the objects of both.

    The share of each is drawn from Beta(8, 8): mostly near one half, so that all objects can be seen.

    Args:
        sample: One of them; the view stays its own.
        other: The other.
        rng: Chance.
    """
    share = float(rng.beta(8, 8))
    return replace(
        sample,
        image=cv2.addWeighted(sample.image, share, other.image, 1 - share, 0),
        annotations=Annotations.joined([sample.annotations, other.annotations]),
    )


def copy_paste_samples(sample: Sample, donor: Sample, rng: np.random.Generator) -> Sample:
    """An input into which objects of another input of its size are pasted, anywhere.

    Pasted are some of the objects that are seen whole, each with those that lie in its box; none where there
    is no room. Keypoints that get hidden are marked so, but stay known.

    Args:
        sample: What is pasted into; it is not changed.
        donor: Where the objects are from.
        rng: Chance.
    """
    groups = _groups(donor)
    count = int(rng.integers(1, len(groups) + 1)) if groups else 0
    pasted = replace(sample, image=sample.image.copy())
    for i in rng.permutation(len(groups))[:count].tolist():
        box, inside = groups[i]
        move = _room(pasted, box, rng)
        if move is not None:
            pasted = _paste(pasted, donor, box, inside, move)
    return pasted


def _groups(donor: Sample) -> list[tuple[Float[np.ndarray, "4"], Bool[np.ndarray, " n"]]]:
    """Boxes that can be cut out, each with which objects lie in it."""
    boxes, is_crowd = donor.annotations.boxes, donor.annotations.is_crowd
    seen = _seen(donor)
    is_whole = (seen == boxes).all(axis=1) & (box_areas(boxes) >= 1) & ~is_crowd
    groups = []
    for i in np.flatnonzero(is_whole):
        shares = _shares_within(seen, boxes[i])
        inside = (shares >= 1 - HIDDEN) & is_whole
        if (shares[~inside] <= HIDDEN).all():
            groups.append((boxes[i], inside))
    return groups


def _seen(sample: Sample) -> Float[np.ndarray, "n 4"]:
    """What is seen of each box."""
    height, width = sample.image.shape[:2]
    return np.clip(sample.annotations.boxes, 0, np.array([width, height] * 2, dtype=np.float32) - 1)


def _shares_within(boxes: Float[np.ndarray, "n 4"], box: Float[np.ndarray, "4"]) -> Float[np.ndarray, " n"]:
    """How much of each box lies in one."""
    cut = np.concatenate([np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])], axis=1)
    return box_areas(cut) / np.maximum(box_areas(boxes), np.finfo(np.float32).tiny)


def _room(sample: Sample, box: Float[np.ndarray, "4"], rng: np.random.Generator) -> tuple[int, int] | None:
    """By how many pixels `(x, y)` a box may be moved to hide nothing; None where no place was found."""
    height, width = sample.image.shape[:2]
    least = np.ceil(-box[:2]).astype(int)
    most = np.floor([width - 1 - box[2], height - 1 - box[3]]).astype(int)
    seen, hiding = _seen(sample), box + SOFT_PX * np.array([-1, -1, 1, 1])
    for _ in range(_TRIES):
        move = rng.integers(least, most, endpoint=True)
        if (_shares_within(seen, hiding + np.tile(move, 2)) <= HIDDEN).all():
            return int(move[0]), int(move[1])
    return None


def _paste(
    sample: Sample,
    donor: Sample,
    box: Float[np.ndarray, "4"],
    inside: Bool[np.ndarray, " n"],
    move: tuple[int, int],
) -> Sample:
    """The sample with a box of the donor moved there; its image is written to."""
    shift = np.array(move)
    size = np.array([sample.image.shape[1], sample.image.shape[0]])
    # Both inputs are of one size: what fades ends at the border of either.
    first = np.maximum(np.floor(box[:2]).astype(int) - SOFT_PX, np.maximum(0, -shift))
    last = np.minimum(np.ceil(box[2:]).astype(int) + SOFT_PX + 1, np.minimum(size, size - shift))
    share = _softened(box, first, last)[..., None]
    cut = donor.image[first[1] : last[1], first[0] : last[0]]
    place = sample.image[first[1] + move[1] : last[1] + move[1], first[0] + move[0] : last[0] + move[0]]
    place[:] = np.rint(share * cut + (1 - share) * place)
    parts = [
        _hidden(sample.annotations, box + np.tile(shift, 2)),
        _moved(donor.annotations[inside], box, move),
    ]
    return replace(sample, annotations=Annotations.joined(parts))


def _softened(
    box: Float[np.ndarray, "4"], first: np.ndarray, last: np.ndarray
) -> Float[np.ndarray, "rows columns"]:
    """1 in the box, less beyond it, 0 from `SOFT_PX` beyond it."""
    columns, rows = np.arange(first[0], last[0]), np.arange(first[1], last[1])
    across = np.maximum(box[0] - columns, columns - box[2])
    down = np.maximum(box[1] - rows, rows - box[3])
    beyond = np.maximum(np.maximum(across, down[:, None]), 0)
    return np.clip(1 - beyond / SOFT_PX, 0, 1)


def _hidden(annotations: Annotations, box: Float[np.ndarray, "4"]) -> Annotations:
    """Objects whose keypoints in a box are behind it."""
    keypoints = annotations.keypoints.copy()
    places = keypoints[..., :2]
    is_behind = ((places >= box[:2]) & (places <= box[2:])).all(axis=-1)
    keypoints[..., 2] = np.where(is_behind, np.minimum(keypoints[..., 2], 1), keypoints[..., 2])
    return replace(annotations, keypoints=keypoints)


def _moved(annotations: Annotations, box: Float[np.ndarray, "4"], move: tuple[int, int]) -> Annotations:
    """Objects cut to a box and moved with it; keypoints outside the box stay behind."""
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
