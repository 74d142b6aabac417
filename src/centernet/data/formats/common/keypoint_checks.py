"""Keypoints as files give them, checked before they are believed; what is wrong is said for each object."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from centernet.data.formats.common.files import LARGEST_PX
from centernet.structures import Categories

NOT_LABELLED = "it counts as not labelled"
"""What is done about a keypoint that makes no sense; its object stays."""


@dataclass(frozen=True)
class KeypointFault:
    """What is wrong with some keypoints of one object.

    Attributes:
        row: Which object.
        kind: As of a defect.
        message: As of a defect.
        action: As of a defect.
    """

    row: int
    kind: str
    message: str
    action: str


def check_keypoints(
    keypoints: Float[np.ndarray, "m k 3"], labels: Int[np.ndarray, " m"], categories: Categories
) -> tuple[Float[np.ndarray, "m k 3"], list[KeypointFault]]:
    """Keypoints of which every labelled one has a place, and every other one is three zeros.

    Args:
        keypoints: `(x, y, visibility)`; anything, also NaN.
        labels: Class of each object.
        categories: Their keypoints.
    """
    x_y, visibility = keypoints[..., :2], keypoints[..., 2]
    with np.errstate(invalid="ignore"):
        has_place = (np.abs(x_y) < LARGEST_PX).all(-1)
        is_known = np.isin(visibility, (0, 1, 2))
        is_labelled = visibility >= 0.5
    is_own = np.arange(keypoints.shape[1]) < np.array(categories.num_keypoints)[labels][:, None]
    checks = {
        "visibility": ~is_known & is_own,
        "NaN keypoint": is_labelled & is_own & ~has_place,
        "keypoint without visibility": (visibility == 0) & is_own & has_place & (x_y != 0).any(-1),
        "keypoint count": is_labelled & ~is_own,
    }
    faults = []
    for kind, is_at_fault in checks.items():
        for row in np.flatnonzero(is_at_fault.any(1)).tolist():
            which = is_at_fault[row]
            message, action = _words(
                kind, visibility[row, which].tolist(), names_at(which, int(labels[row]), categories)
            )
            faults.append(KeypointFault(row, kind, message, action))
    kept = is_labelled & has_place & is_own
    seen = np.where(is_known, visibility, 2)[..., None]
    cleaned = np.where(kept[..., None], np.concatenate([x_y, seen], axis=-1), 0)
    return cleaned.astype(keypoints.dtype), faults


def names_at(which: Bool[np.ndarray, " k"], label: int, categories: Categories) -> str:
    """The names of some keypoints of a class, the first three of many."""
    skeleton = categories.skeletons[label] if categories.skeletons else None
    known = skeleton.names if skeleton else ()
    names = [known[number] for number in np.flatnonzero(which).tolist() if number < len(known)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _words(kind: str, visibility: list[float], names: str) -> tuple[str, str]:
    """Message and action."""
    if kind == "visibility":
        values = ", ".join(f"{value:g}" for value in list(dict.fromkeys(visibility))[:3])
        return (
            f"{names}: visibility {values}, not 0, 1 or 2",
            "0.5 and more counts as seen, less as not labelled",
        )
    if kind == "NaN keypoint":
        return f"{names}: the place is not finite", NOT_LABELLED
    if kind == "keypoint count":
        return f"it has {len(visibility)} keypoints more than its class", "those are left out"
    return f"{names}: a place, but visibility 0, which is COCO's word for not labelled", NOT_LABELLED
