"""Validation of the keypoints in a file, with the faults of each object."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.data.formats.common.files import LARGEST_PX
from centernet.structures import Categories

NOT_LABELLED = "it counts as not labelled"
"""Action for an invalid keypoint; its object stays."""


@dataclass(frozen=True)
class KeypointFault:
    """A defect of some keypoints of one object.

    Attributes:
        row: Index of the object.
        kind: As in `Defect`.
        message: As in `Defect`.
        action: As in `Defect`.
    """

    row: int
    kind: str
    message: str
    action: str


def check_keypoints(
    keypoints: Float[np.ndarray, "m k 3"], labels: Int[np.ndarray, " m"], categories: Categories
) -> tuple[Float[np.ndarray, "m k 3"], list[KeypointFault]]:
    """Keypoints, all zeros where not labelled or invalid, and the faults that were found.

    Args:
        keypoints: `(x, y, visibility)`; any values, also NaN.
        labels: Class of each object.
        categories: Number and names of the keypoints of each class.
    """
    x_y, visibility = keypoints[..., :2], keypoints[..., 2]
    with np.errstate(invalid="ignore"):
        is_finite = (np.abs(x_y) < LARGEST_PX).all(-1)
        is_known = np.isin(visibility, (0, 1, 2))
        is_labelled = visibility >= 0.5
    is_own = np.arange(keypoints.shape[1]) < np.array(categories.num_keypoints)[labels][:, None]
    checks = {
        "visibility": ~is_known & is_own,
        "NaN keypoint": is_labelled & is_own & ~is_finite,
        "keypoint without visibility": (visibility == 0) & is_own & is_finite & (x_y != 0).any(-1),
        "keypoint count": is_labelled & ~is_own,
    }
    faults = []
    for kind, is_at_fault in checks.items():
        for row in np.flatnonzero(is_at_fault.any(1)).tolist():
            which = is_at_fault[row]
            message, action = _describe(
                kind, visibility[row, which].tolist(), names_at(which, int(labels[row]), categories)
            )
            faults.append(KeypointFault(row, kind, message, action))
    kept = is_labelled & is_finite & is_own
    visible = np.where(is_known, visibility, 2)[..., None]
    cleaned = np.where(kept[..., None], np.concatenate([x_y, visible], axis=-1), 0)
    return cleaned.astype(keypoints.dtype), faults


def names_at(which: Bool[np.ndarray, " k"], label: int, categories: Categories) -> str:
    """The names of some keypoints of a class, the first three of many."""
    skeleton = categories.skeletons[label] if categories.skeletons else None
    known = skeleton.names if skeleton else ()
    names = [known[number] for number in np.flatnonzero(which).tolist() if number < len(known)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _describe(kind: str, visibility: list[float], names: str) -> tuple[str, str]:
    """Message and action."""
    if kind == "visibility":
        values = ", ".join(f"{value:g}" for value in list(dict.fromkeys(visibility))[:3])
        return (
            f"{names}: visibility {values}, not 0, 1 or 2",
            "0.5 and more counts as visible, less as not labelled",
        )
    if kind == "NaN keypoint":
        return f"{names}: the coordinates are not finite", NOT_LABELLED
    if kind == "keypoint count":
        return f"it has {len(visibility)} keypoints more than its class", "those are left out"
    return f"{names}: coordinates, but visibility 0, COCO's value for not labelled", NOT_LABELLED
