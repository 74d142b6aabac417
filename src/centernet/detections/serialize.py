"""What was found as plain values: lines of label files, words and columns of tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures import Skeleton

BOX3D_NAMES = (
    *("height_m", "width_m", "length_m", "x_m", "y_m", "z_m"),
    *("rotation_y_rad", "alpha_rad"),
)
"""The numbers of a box in space, as in `geometry.boxes3d`, and its heading against the line of sight."""


def yolo_rows(
    labels: Int[np.ndarray, " n"],
    boxes: Float[np.ndarray, "n 4"],
    keypoints: Float[np.ndarray, "n k 2"],
    are_known: Bool[np.ndarray, "n k"],
    image_size: tuple[int, int],
) -> str:
    """Class, middle and size of the box as shares of the image's sides; x, y and 2 of each keypoint.

    Keypoints that are not known, or lie outside the image, are 0 0 0.
    """
    rows, columns = image_size
    corners = boxes.astype(float) / [columns, rows, columns, rows]
    middles, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    places = keypoints.astype(float) / [columns, rows]
    is_kept = are_known & ((places >= 0) & (places <= 1)).all(axis=-1)
    shown = np.where(is_kept[..., None], np.insert(places, 2, 2, axis=-1), 0)
    numbers = np.concatenate([middles, sides, *shown.swapaxes(0, 1)], axis=1)
    return "".join(
        f"{label} {' '.join(f'{number:.7g}' for number in row)}\n"
        for label, row in zip(labels.tolist(), numbers.tolist(), strict=True)
    )


def kitti_rows(
    names: Sequence[str],
    scores: Float[np.ndarray, " n"],
    boxes: Float[np.ndarray, "n 4"],
    boxes3d: Float[np.ndarray, "n 7"],
    alpha_rad: Float[np.ndarray, " n"],
) -> str:
    """The columns of KITTI's object development kit, and the score; unknown values as they are written there.

    Truncation and occlusion are -1; without a box in space sizes are -1, places -1000 and headings -10.
    """
    has_box3d = np.isfinite(boxes3d).all(axis=1)
    space = np.where(has_box3d[:, None], boxes3d, np.array([-1.0] * 3 + [-1000.0] * 3 + [-10.0]))
    headings = np.where(np.isfinite(alpha_rad), alpha_rad, -10.0)
    # A name with a blank would be two columns.
    words = ["_".join(name.split()) for name in names]
    return "".join(
        f"{word} -1 -1 {heading:.4f} {_joined(box, 2)} {_joined(solid, 4)} {score:.6f}\n"
        for word, heading, box, solid, score in zip(
            words, headings.tolist(), boxes.tolist(), space.tolist(), scores.tolist(), strict=True
        )
    )


def named_keypoints(skeleton: Skeleton, keypoints: Float[np.ndarray, "k 3"]) -> list[dict[str, Any]]:
    """Keypoints in words, rounded."""
    rows = keypoints[: len(skeleton)].astype(float).tolist()
    return [
        {"name": name, "x": round(x, 2), "y": round(y, 2), "score": round(score, 4)}
        for name, (x, y, score) in zip(skeleton.names, rows, strict=True)
    ]


def flat_keypoints(keypoints: Float[np.ndarray, "k 3"]) -> list[float | int]:
    """x, y and 1 of each, one after the other: the original's visibility of what was found."""
    return [number for x, y, _ in keypoints.astype(float).tolist() for number in (x, y, 1)]


def keypoint_columns(
    keypoints: Float[np.ndarray, "n k 3"],
    labels: Int[np.ndarray, " n"],
    skeletons: Sequence[Skeleton | None],
) -> dict[str, Float[np.ndarray, " n"]]:
    """Three columns for each name, whatever the classes that have such a keypoint; NaN for the others."""
    columns: dict[str, Float[np.ndarray, " n"]] = {}
    for label, skeleton in enumerate(skeletons if keypoints.shape[1] else ()):
        rows = labels == label
        for number, name in enumerate(_distinct(skeleton.names if skeleton else ())):
            for place, value in enumerate(("x", "y", "score")):
                unknown = np.full(len(labels), np.nan, np.float32)
                columns.setdefault(f"{name}_{value}", unknown)[rows] = keypoints[rows, number, place]
    return columns


def named_box3d(box3d: Float[np.ndarray, " 7"], alpha_rad: float) -> dict[str, float]:
    """A box in space in words, rounded to millimetres and ten-thousandths of a radian."""
    numbers = [*box3d.astype(float).tolist(), alpha_rad]
    return {
        name: round(number, 4 if name.endswith("rad") else 3)
        for name, number in zip(BOX3D_NAMES, numbers, strict=True)
    }


def box3d_fields(box3d: Float[np.ndarray, " 7"], alpha_rad: float) -> dict[str, Any]:
    """A box in space as fields of a COCO entry, by the names that COCO files of 3D boxes have here."""
    numbers = box3d.astype(float).tolist()
    fields = {"dim": numbers[:3], "location": numbers[3:6], "rotation_y": numbers[6]}
    return fields | {"alpha": alpha_rad}


def box3d_columns(
    boxes3d: Float[np.ndarray, "n 7"], alpha_rad: Float[np.ndarray, " n"]
) -> dict[str, Float[np.ndarray, " n"]]:
    """The numbers of boxes in space by name; NaN for objects without one."""
    return dict(zip(BOX3D_NAMES, [*boxes3d.T, alpha_rad], strict=True))


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, numbered where one comes again."""
    return [
        name if name not in names[:number] else f"{name}_{names[:number].count(name) + 1}"
        for number, name in enumerate(names)
    ]


def _joined(numbers: Sequence[float], digits: int) -> str:
    return " ".join(f"{number:.{digits}f}" for number in numbers)
