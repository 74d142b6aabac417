"""Detections as plain values: entries of JSON files, lines of label files, columns of tables."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.structures import Skeleton

BOX3D_NAMES = (
    *("height_m", "width_m", "length_m", "x_m", "y_m", "z_m"),
    *("rotation_y_rad", "alpha_rad"),
)
"""The numbers of a 3D box, as in `geometry.boxes3d`, and its observation angle."""


def json_entries(
    names: Sequence[str],
    category_ids: Sequence[int],
    scores: Float[np.ndarray, " n"],
    boxes: Float[np.ndarray, "n 4"],
    skeletons: Sequence[Skeleton | None],
    keypoints: Float[np.ndarray, "n k 3"],
    boxes3d: Float[np.ndarray, "n 7"],
    alpha_rad: Float[np.ndarray, " n"],
) -> list[dict[str, Any]]:
    """An entry of `Detections.to_json` for each object, rounded."""
    return [
        {"name": name, "category_id": category_id, "score": score, "box": box}
        | ({"keypoints": named_keypoints(skeleton, points)} if skeleton else {})
        | ({"box3d": named_box3d(box3d, alpha)} if np.isfinite(box3d).all() else {})
        for name, category_id, score, box, skeleton, points, box3d, alpha in zip(
            names,
            category_ids,
            np.round(scores.astype(float), 4).tolist(),
            np.round(boxes.astype(float), 2).tolist(),
            skeletons,
            keypoints,
            boxes3d,
            alpha_rad.tolist(),
            strict=True,
        )
    ]


def coco_entries(
    image_id: int,
    category_ids: Sequence[int],
    scores: Float[np.ndarray, " n"],
    boxes: Float[np.ndarray, "n 4"],
    skeletons: Sequence[Skeleton | None],
    keypoints: Float[np.ndarray, "n k 3"],
    boxes3d: Float[np.ndarray, "n 7"],
    alpha_rad: Float[np.ndarray, " n"],
) -> list[dict[str, Any]]:
    """An entry of a COCO results file for each object, not rounded."""
    corners = boxes.astype(float)
    bboxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return [
        {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}
        | ({"keypoints": flat_keypoints(points[: len(skeleton)])} if skeleton else {})
        | (box3d_fields(box3d, alpha) if np.isfinite(box3d).all() else {})
        for category_id, bbox, score, skeleton, points, box3d, alpha in zip(
            category_ids,
            bboxes.tolist(),
            scores.astype(float).tolist(),
            skeletons,
            keypoints,
            boxes3d,
            alpha_rad.astype(float).tolist(),
            strict=True,
        )
    ]


def write_json(value: Any, path: Path) -> None:
    """Writes a value as a JSON file; of a file name that is not UTF-8, the bytes as Python escapes them."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")


def write_csv(columns: Mapping[str, Sequence[Any] | np.ndarray], path: Path) -> None:
    """Writes columns of equal length as a CSV file; NaN becomes an empty cell."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        rows = zip(*columns.values(), strict=True)
        writer.writerows(["" if value != value else value for value in row] for row in rows)


def yolo_rows(
    labels: Int[np.ndarray, " n"],
    boxes: Float[np.ndarray, "n 4"],
    keypoints: Float[np.ndarray, "n k 2"],
    are_known: Bool[np.ndarray, "n k"],
    image_size: tuple[int, int],
) -> str:
    """Lines of a YOLO label file: class, centre and size of the box as fractions of the image size.

    Keypoints follow, each x, y and 2; one that is not known, or outside the image, is 0 0 0.
    """
    rows, columns = image_size
    corners = boxes.astype(float) / [columns, rows, columns, rows]
    centers, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    points = keypoints.astype(float) / [columns, rows]
    is_kept = are_known & ((points >= 0) & (points <= 1)).all(axis=-1)
    triples = np.where(is_kept[..., None], np.insert(points, 2, 2, axis=-1), 0)
    numbers = np.concatenate([centers, sides, *triples.swapaxes(0, 1)], axis=1)
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
    """Lines with the columns of KITTI's object development kit, and the score.

    Truncation and occlusion are -1; without a 3D box sizes are -1, locations -1000 and headings -10.
    """
    has_box3d = np.isfinite(boxes3d).all(axis=1)
    filled = np.where(has_box3d[:, None], boxes3d, np.array([-1.0] * 3 + [-1000.0] * 3 + [-10.0]))
    headings = np.where(np.isfinite(alpha_rad), alpha_rad, -10.0)
    # A name with a blank would be two columns.
    words = ["_".join(name.split()) for name in names]
    return "".join(
        f"{word} -1 -1 {heading:.4f} {_joined(box, 2)} {_joined(box3d, 4)} {score:.6f}\n"
        for word, heading, box, box3d, score in zip(
            words, headings.tolist(), boxes.tolist(), filled.tolist(), scores.tolist(), strict=True
        )
    )


def named_keypoints(skeleton: Skeleton, keypoints: Float[np.ndarray, "k 3"]) -> list[dict[str, Any]]:
    """Keypoints with their names, rounded."""
    rows = keypoints[: len(skeleton)].astype(float).tolist()
    return [
        {"name": name, "x": round(x, 2), "y": round(y, 2), "score": round(score, 4)}
        for name, (x, y, score) in zip(skeleton.names, rows, strict=True)
    ]


def flat_keypoints(keypoints: Float[np.ndarray, "k 3"]) -> list[float | int]:
    """x, y and 1 of each keypoint, one after the other: 1 is the visibility that the original writes."""
    return [number for x, y, _ in keypoints.astype(float).tolist() for number in (x, y, 1)]


def keypoint_columns(
    keypoints: Float[np.ndarray, "n k 3"],
    labels: Int[np.ndarray, " n"],
    skeletons: Sequence[Skeleton | None],
) -> dict[str, Float[np.ndarray, " n"]]:
    """Three columns for each keypoint name of any class; NaN for objects of classes without it."""
    columns: dict[str, Float[np.ndarray, " n"]] = {}
    for label, skeleton in enumerate(skeletons if keypoints.shape[1] else ()):
        rows = labels == label
        for number, name in enumerate(_distinct(skeleton.names if skeleton else ())):
            for position, value in enumerate(("x", "y", "score")):
                unknown = np.full(len(labels), np.nan, np.float32)
                columns.setdefault(f"{name}_{value}", unknown)[rows] = keypoints[rows, number, position]
    return columns


def named_box3d(box3d: Float[np.ndarray, " 7"], alpha_rad: float) -> dict[str, float]:
    """The numbers of a 3D box by name, rounded to millimetres and ten-thousandths of a radian."""
    numbers = [*box3d.astype(float).tolist(), alpha_rad]
    return {
        name: round(number, 4 if name.endswith("rad") else 3)
        for name, number in zip(BOX3D_NAMES, numbers, strict=True)
    }


def box3d_fields(box3d: Float[np.ndarray, " 7"], alpha_rad: float) -> dict[str, Any]:
    """A 3D box as fields of a COCO entry, with the names of the fields that COCO annotations have here."""
    numbers = box3d.astype(float).tolist()
    fields = {"dim": numbers[:3], "location": numbers[3:6], "rotation_y": numbers[6]}
    return fields | {"alpha": alpha_rad}


def box3d_columns(
    boxes3d: Float[np.ndarray, "n 7"], alpha_rad: Float[np.ndarray, " n"]
) -> dict[str, Float[np.ndarray, " n"]]:
    """Columns of the numbers of 3D boxes; NaN for objects without one."""
    return dict(zip(BOX3D_NAMES, [*boxes3d.T, alpha_rad], strict=True))


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number after one that is repeated."""
    return [
        name if name not in names[:number] else f"{name}_{names[:number].count(name) + 1}"
        for number, name in enumerate(names)
    ]


def _joined(numbers: Sequence[float], digits: int) -> str:
    return " ".join(f"{number:.{digits}f}" for number in numbers)
