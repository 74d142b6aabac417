"""Checks of what an exported file gives: a runtime computes whatever a broken graph says."""

from collections.abc import Mapping

import numpy as np

from centernet.errors import InputError
from centernet.structures.outputs import OutputSpec, groups_of, values_by_role

_WIDTHS = {"boxes": 4, "pairs": 4, "centers": 2}
"""Numbers of a location, by group."""


def check_outputs(
    found: Mapping[str, np.ndarray],
    outputs: Mapping[str, OutputSpec],
    count: int,
    num_classes: int,
    name: str,
) -> None:
    """Raises an `InputError` for outputs of another shape, numbers that are not finite, or unknown labels.

    Args:
        found: What a file gave.
        outputs: Declaration of it.
        count: Number of images.
        num_classes: Number of classes.
        name: Of the file, for messages.
    """
    for group in groups_of(outputs):
        roles = values_by_role(found, outputs, group)
        if group not in _WIDTHS or not roles:
            continue
        if missing := {"location", "score", "label"} - roles.keys():
            raise _broken(name, f"no {min(missing)} of its {group}")
        scores, width = roles["score"], _WIDTHS[group]
        rows = scores.shape[1] if scores.ndim == 2 else -1
        for role, value in roles.items():
            if value.shape[:2] != (count, rows) or (role == "location" and value.shape[2:] != (width,)):
                raise _broken(name, f"{role} of shape {value.shape} for its {group}")
            # Rows without an object have a score of 0 or less, and anything else; NaN is not among them.
            if not np.isfinite(value[~(scores <= 0)]).all():
                raise _broken(name, f"{role} of its {group} that are not finite")
        labels = roles["label"][~(scores <= 0)]
        if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
            raise _broken(name, f"labels from {labels.min()} to {labels.max()} for {num_classes} classes")


def _broken(name: str, what: str) -> InputError:
    return InputError(f"{name} gives {what}: it is damaged, copy or export it again")
