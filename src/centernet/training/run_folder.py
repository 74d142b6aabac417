"""Where a run writes, and how it is found again."""

import json
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from centernet.errors import InputError, UsageError
from centernet.io.writing import write_atomically, writing
from centernet.recipes.recipe import Recipe

ARGUMENTS, CHECKPOINT = "args.yaml", "last.ckpt"


def is_first_process() -> bool:
    """Whether this process writes; torchrun, SLURM and Lightning number the others."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) in (0, None)


def new_folder(recipe: Recipe) -> Path:
    """A fresh run folder: `project/name`, or `name2`, `name3`, ... where that is taken.

    With `exist_ok` what an earlier run left in it to go on from is removed. Of many processes only the first
    makes it; the others hear of it when training is over.
    """
    folder = recipe.runs / recipe.name
    number = 1
    while folder.exists() and any(folder.iterdir()) and not recipe.exist_ok:
        number += 1
        folder = recipe.runs / f"{recipe.name}{number}"
    if not is_first_process():
        return folder
    with writing(folder):
        (folder / "weights").mkdir(parents=True, exist_ok=True)
        for left in (folder / CHECKPOINT, folder / "results.csv", *folder.glob("weights/*.safetensors")):
            left.unlink(missing_ok=True)
    return folder


def describe(folder: Path, model: str, data: str, recipe: Recipe) -> None:
    """Writes `args.yaml`, from which the run can be repeated and resumed, and `env.json`."""
    if not is_first_process():
        return
    arguments = {"model": model, "data": data, **_plain(asdict(recipe))}
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


def arguments_of(folder: Path) -> dict[str, Any]:
    """What a run was started with."""
    path = folder / ARGUMENTS
    try:
        arguments = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{folder} is no run folder: it has no readable {ARGUMENTS}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML any more ({str(error).splitlines()[0]})") from error
    if not isinstance(arguments, dict) or not {"model", "data"} <= arguments.keys():
        raise InputError(f"{path} does not say model and data: it was not written by a run")
    return arguments


def folder_of(weights: str) -> Path | None:
    """The run folder that weights lie in, if any: itself, or `weights/last.safetensors` in it."""
    path = Path(weights)
    return next((one for one in (path, *list(path.parents)[:2]) if (one / ARGUMENTS).exists()), None)


def latest_folder(project: Path) -> Path:
    """The run folder that was written to last, for `resume=true`."""
    runs = [path.parent for path in project.glob(f"*/{ARGUMENTS}")]
    if not runs:
        raise UsageError(f"there is no run in {project} to resume: say which, resume=FOLDER")
    return max(runs, key=lambda folder: (folder / ARGUMENTS).stat().st_mtime)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Tuples are lists in YAML."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
