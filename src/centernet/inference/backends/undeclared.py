"""Outputs of files exported before files declared them, rebuilt from their names and the config."""

from collections.abc import Iterable, Mapping
from typing import Any

from centernet.structures.outputs import BOX_OUTPUTS, OutputSpec

_KNOWN: Mapping[str, OutputSpec] = {
    **BOX_OUTPUTS,
    "keypoints": OutputSpec(unit="pixels", role="keypoints"),
    "centers": OutputSpec(unit="pixels", role="center3d"),
    "depth": OutputSpec(unit="metres", role="depth"),
    "size3d": OutputSpec(unit="metres", role="size3d"),
    "alpha_rad": OutputSpec(unit="radians", role="alpha"),
    "focal_px": OutputSpec(unit="pixels", role="focal"),
    "pair_boxes": OutputSpec(unit="pixels", group="pairs", role="location"),
    "pair_scores": OutputSpec(unit="score", group="pairs", role="score"),
    "pair_labels": OutputSpec(unit="label", group="pairs", role="label"),
    "pair_corner_scores": OutputSpec(unit="score", group="pairs", role="corner_scores"),
    "center_places": OutputSpec(unit="pixels", group="centers", role="location"),
    "center_scores": OutputSpec(unit="score", group="centers", role="score"),
    "center_labels": OutputSpec(unit="label", group="centers", role="label"),
}
"""All outputs that such files have. Tasks declare theirs in `Task.outputs`: nothing new belongs here."""


def outputs_of(names: Iterable[str]) -> dict[str, OutputSpec]:
    """The outputs by name; those of tasks from outside the library have no role."""
    return {name: _KNOWN.get(name, OutputSpec()) for name in names}


def is_scale_dependent(config: Mapping[str, Any]) -> bool:
    """True if depths in the file are relative to no focal length."""
    task = config["task"]
    return bool(task.get("inner", task).get("focal_px") == 0)


def top_k_of(config: Mapping[str, Any]) -> int:
    """Maximum number of detections per image."""
    task = config["task"]
    return int(task["top_k"] if "top_k" in task else task["inner"]["top_k"])
