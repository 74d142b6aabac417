"""The folder of a run: made before training, described by `args.yaml` and `env.json`, found again to resume.

The files of each epoch, `results.csv` and the weights, are written by `run_log`.
"""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from centernet.errors import InputError, UsageError
from centernet.io.plain_files import read_plain
from centernet.io.values import read_yaml
from centernet.io.writing import claim_folder, unused_folder, write_atomically, writing
from centernet.recipes.recipe import Recipe, with_settings
from centernet.training.run_lock import check_unlocked

ARGUMENTS, CHECKPOINT = "args.yaml", "last.ckpt"

_INSTEAD = ": mend it, or begin again from its weights, train model=FOLDER data=..."


def is_first_process() -> bool:
    """True in the process of rank 0, the only one that writes; torchrun, SLURM and Lightning set the rank."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) in (0, None)


def new_folder(recipe: Recipe) -> Path:
    """A fresh run folder: `project/name`, or `name2`, `name3`, ... if that is taken; runs never share one.

    With `exist_ok` the checkpoint, table and weights of an earlier run are removed from it. Of several
    processes only the first makes the folder; `fit` returns it to the others after training.

    Raises:
        InputError: It cannot be made, or an earlier run in it has not ended.
    """
    if not is_first_process():
        return unused_folder(recipe.runs, recipe.name, exist_ok=recipe.exist_ok)
    folder = claim_folder(recipe.runs, recipe.name, exist_ok=recipe.exist_ok)
    check_unlocked(folder)
    with writing(folder):
        (folder / "weights").mkdir(parents=True, exist_ok=True)
        for old in (folder / CHECKPOINT, folder / "results.csv", *folder.glob("weights/*.safetensors")):
            old.unlink(missing_ok=True)
    return folder


def describe(folder: Path, model: str, data: str, recipe: Recipe) -> None:
    """Writes `args.yaml`, from which the run can be repeated and resumed, and `env.json`."""
    if not is_first_process():
        return
    arguments = {"model": model, "data": data, **_tuples_as_lists(asdict(recipe))}
    write_atomically(folder / ARGUMENTS, yaml.safe_dump(arguments, sort_keys=False).encode())
    packages = ("centernet", "torch", "torchvision", "timm", "lightning", "numpy", "opencv-python-headless")
    environment = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "command": sys.argv,
        "packages": {name: version(name) for name in packages},
    }
    write_atomically(folder / "env.json", (json.dumps(environment, indent=2) + "\n").encode())


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Writes `plan.json`: what was decided for this run, and why."""
    if is_first_process():
        write_atomically(folder / "plan.json", (json.dumps(plan, indent=2) + "\n").encode())


def arguments_of(folder: Path) -> dict[str, Any]:
    """The model, data and settings that a run was started with.

    Raises:
        InputError: The folder has no `args.yaml` of a run.
    """
    path = folder / ARGUMENTS
    try:
        content = read_plain(path)
    except InputError as error:
        raise InputError(f"{folder} is no run folder: it has no readable {ARGUMENTS}") from error
    try:
        arguments = read_yaml(content.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not yaml: byte {error.start} is not UTF-8{_INSTEAD}") from error
    if not isinstance(arguments, dict) or not {"model", "data"} <= arguments.keys():
        raise InputError(f"{path} has no model and data: it was not written by a run{_INSTEAD}")
    if wrong := [key for key in arguments if not isinstance(key, str)]:
        raise InputError(f"{path} has the key {wrong[0]!r}, which is no name of a setting: delete that line")
    return arguments


def recipe_of_run(folder: Path, settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a run.

    Args:
        folder: Its folder.
        settings: Those of its `args.yaml`, without model and data.

    Raises:
        InputError: A setting is unknown or has an impossible value.
    """
    try:
        # A run of a version without `val_split` held nothing out.
        return with_settings(Recipe(), **{"val_split": 0.0, **settings})
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{folder / ARGUMENTS}: {error}: mend that line") from error


def folder_of(weights: str) -> Path | None:
    """The run folder of weights, if any: the path itself, or that with `weights/last.safetensors` in it."""
    path = Path(weights)
    return next((place for place in (path, *list(path.parents)[:2]) if (place / ARGUMENTS).exists()), None)


def latest_folder(project: Path) -> Path:
    """The run folder that was started last, for `resume=true`.

    Raises:
        UsageError: There is none.
    """
    runs = [path.parent for path in project.glob(f"*/{ARGUMENTS}")]
    if not runs:
        raise UsageError(f"there is no run in {project} to resume: name its folder, resume=FOLDER")
    return max(runs, key=lambda folder: (folder / ARGUMENTS).stat().st_mtime)


def _tuples_as_lists(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
