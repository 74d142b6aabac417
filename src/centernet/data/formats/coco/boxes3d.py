"""Cameras and 3D boxes in a COCO file, with the fields of Objects as Points' conversion of KITTI.

An image has `calib`, or `camera`: three rows of three or four numbers. An annotation has `dim` (height,
width, length), `location` (middle of the bottom face, camera metres) and `rotation_y`, and optionally
`alpha`, `truncated` and `occluded`.
"""

from typing import Any

import numpy as np

from centernet.data.formats.coco.defect_log import DefectLog
from centernet.data.formats.common.calibration import camera_of
from centernet.errors import InputError
from centernet.geometry.camera import Camera
from centernet.structures import Annotations

UNKNOWN_3D = [np.nan] * 8 + [-1.0, -1.0]
"""3D box, alpha, truncation and occlusion of an object without these fields."""


def read_camera_field(entry: dict[str, Any], image_id: int, log: DefectLog) -> Camera | None:
    """The camera of an image; None where it is missing or invalid."""
    value = entry.get("camera", entry.get("calib"))
    if value is None:
        return None
    try:
        return camera_of(value, "camera")
    except InputError as error:
        log.add("no camera", f"image {image_id}", str(error), "3D boxes of it are not used")
        return None


def read_box3d(entry: dict[str, Any], number: int, log: DefectLog) -> list[float]:
    """3D box (seven numbers), alpha, truncation and occlusion; NaN and -1 for unknown values."""
    if "dim" not in entry and "location" not in entry:
        return UNKNOWN_3D
    place = f"annotation {number}"
    stay = "its box on the image is used"
    numbers: list[Any] = [
        *_as_list(entry.get("dim"), 3),
        *_as_list(entry.get("location"), 3),
        entry.get("rotation_y"),
    ]
    if not all(type(value) in (int, float) and abs(value) < np.inf for value in numbers):
        message = "a 3D box is dim (3), location (3) and rotation_y, finite numbers"
        log.add("broken 3D box", place, f"{message}; got {numbers}", stay)
        return UNKNOWN_3D
    if numbers[:6] == [-1, -1, -1, -1000, -1000, -1000]:
        return UNKNOWN_3D  # KITTI's values for "no 3D box".
    if not all(size > 0 for size in numbers[:3]):
        log.add("broken 3D box", place, f"sizes {numbers[:3]} are not above 0", stay)
        return UNKNOWN_3D
    if not numbers[5] > 0:
        log.add("depth", place, f"z is {numbers[5]:g}, not in front of the camera", stay)
        return UNKNOWN_3D
    more = [_number(entry.get(key)) for key in ("alpha", "truncated", "occluded")]
    alpha = np.nan if more[0] is None or more[0] == -10 else more[0]
    return [*map(float, numbers), alpha, *(-1.0 if value is None else value for value in more[1:])]


def box3d_fields(objects: Annotations) -> list[dict[str, Any]]:
    """The 3D fields of each annotation; empty for objects without a 3D box."""
    has_box3d = np.isfinite(objects.boxes3d).all(axis=1)
    rows = zip(
        has_box3d.tolist(),
        objects.boxes3d.astype(float).tolist(),
        objects.alpha_rad.astype(float).tolist(),
        objects.truncation.tolist(),
        objects.occlusion.tolist(),
        strict=True,
    )
    return [
        {
            "dim": box[:3],
            "location": box[3:6],
            "depth": box[5],
            "rotation_y": box[6],
            **({"alpha": alpha} if np.isfinite(alpha) else {}),
            "truncated": truncation,
            "occluded": occlusion,
        }
        if is_there
        else {}
        for is_there, box, alpha, truncation, occlusion in rows
    ]


def _as_list(value: Any, length: int) -> list[Any]:
    return value if isinstance(value, list) and len(value) == length else [None] * length


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) < np.inf else None
