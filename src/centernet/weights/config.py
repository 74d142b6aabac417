"""`config.json` of a weights folder: architecture, task, classes and preprocessing of its weights."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from typing import Any

from centernet.inference.config import (
    build,
    categories_of,
    checked,
    entry_of_rule,
    name_of,
    rule_of,
    settings_of,
)
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.protocols import Task
from centernet.structures import Categories
from centernet.structures.thresholds import Thresholds
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.raw import RawMaps
from centernet.tasks.triplet.task import Triplet

TASKS: dict[str, type] = {
    "detect": Detect,
    "pose": Pose,
    "mono3d": Mono3D,
    "triplet": Triplet,
    "raw": RawMaps,
    "layered": Layered,
}
"""Tasks by the name in `config.json`."""


def config_of(predictor: TorchPredictor) -> dict[str, Any]:
    """The content of `config.json` for a predictor."""
    known = predictor.thresholds.overall is not None
    return {
        "library": "centernet",
        "version": version("centernet"),
        "architecture": asdict(predictor.architecture),
        "task": _config_of_task(predictor.task),
        "categories": _config_of_categories(predictor.categories),
        "resize": entry_of_rule(predictor.rule),
        "normalize": asdict(predictor.normalize),
        **({"threshold": predictor.thresholds.to_json()} if known else {}),
    }


def _config_of_task(task: Any) -> dict[str, Any]:
    """Name and settings of a task, and those of the task it wraps, if any."""
    settings = {item.name: getattr(task, item.name) for item in fields(task)}
    if "inner" in settings:
        settings["inner"] = _config_of_task(settings["inner"])
    return {"name": name_of(task, TASKS), **settings}


def task_of(entry: Mapping[str, Any]) -> Task:
    """The task that the entry `task` of a config describes."""
    inner = {"inner": task_of(entry["inner"])} if "inner" in entry else {}
    task: Task = build(TASKS, {**entry, **inner})
    return task


def predictor_of(config: Mapping[str, Any]) -> TorchPredictor:
    """The predictor that a config describes, with random weights; on the `meta` device it takes no memory.

    Raises:
        ValueError: A value of another type, or out of its bounds.
    """
    for key in ("architecture", "task", "categories", "resize", "normalize"):
        if not isinstance(config[key], Mapping):
            raise ValueError(f"{key} is no object with keys")
    architecture = checked(Architecture, config["architecture"])
    task = task_of(config["task"])
    categories = categories_of(config["categories"])
    return TorchPredictor(
        network=architecture.build(task.heads),
        task=task,
        categories=categories,
        rule=rule_of(config["resize"]),
        normalize=checked(Normalize, settings_of(config["normalize"])),
        architecture=architecture,
        thresholds=Thresholds.of_json(config.get("threshold"), len(categories)),
    )


def _config_of_categories(categories: Categories) -> dict[str, Any]:
    entry: dict[str, Any] = {"names": list(categories.names), "ids": list(categories.ids)}
    if categories.skeletons:
        entry["skeletons"] = [skeleton and asdict(skeleton) for skeleton in categories.skeletons]
    return entry
