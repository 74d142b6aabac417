"""`centernet train`, `centernet plan` and `centernet demo`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from centernet.cli.arguments import (
    NUMBER,
    SWITCH,
    SWITCH_OR_TEXT,
    TEXT,
    WHOLE,
    Argument,
    ArgumentType,
    list_of,
)
from centernet.cli.command import DATA, DEVICE, Command, Output
from centernet.errors import UsageError
from centernet.recipes.presets import RECIPES, small
from centernet.recipes.recipe import SETTINGS, Recipe, with_settings


def settings_of(recipe: Recipe) -> tuple[Argument, ...]:
    """The settings of a recipe as arguments."""
    return tuple(
        Argument(
            name=name,
            type=SWITCH_OR_TEXT if name == "pretrained" else _kind_of(getattr(recipe, name)),
            about=setting.help,
            default=_typed(getattr(recipe, name)),
            group=setting.heading,
        )
        for name, setting in SETTINGS.items()
    )


def _kind_of(value: Any) -> ArgumentType:
    if isinstance(value, tuple):
        return list_of(_kind_of(value[0]))
    return {bool: SWITCH, int: WHOLE, float: NUMBER, str: TEXT}[type(value)]


def _typed(value: Any) -> str:
    """The value as it is typed on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(_typed, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _train(given: dict[str, Any], output: Output) -> int:
    resume = given.pop("resume", False)
    if resume and (kept := sorted({"data", "model"} & given.keys())):
        raise UsageError(f"a resumed run keeps its {' and '.join(kept)}: leave out {kept[0]}=")
    if not resume and "data" not in given:
        raise UsageError("data is missing: centernet train data=FOLDER")
    data, model = given.pop("data", None), given.pop("model", "auto")
    _check_time(given)
    # A wrong setting is reported before torch is imported, which takes seconds.
    recipe = with_settings(RECIPES.get(model, small)(), **given)
    if data is not None:
        _announce(data, recipe, output)
    from centernet.detector import CenterNet

    detector = CenterNet("auto" if resume else model, given.get("device", "auto"))
    evaluation = detector.train(data, resume=resume, **given)
    from centernet.training.run_folder import is_first_process
    from centernet.weights.files import epoch_of

    if not is_first_process():
        return 0
    assert detector.run_folder is not None
    text = str(evaluation) if evaluation else "there are no validation images, so nothing was evaluated"
    epoch, which = epoch_of(detector.run_folder), "best" if evaluation else "last"
    of_epoch = f"; its {which} weights are those of epoch {epoch}" if epoch else ""
    output.show(
        f"{text}\n\nthe run is in {detector.run_folder}{of_epoch}",
        {
            "run_folder": str(detector.run_folder),
            "epoch": epoch,
            "evaluation": evaluation.to_json() if evaluation else None,
        },
    )
    return 0


def _announce(data: str, recipe: Recipe, output: Output) -> None:
    """Prints a line at once, and checks that there is a data set before torch is imported.

    Raises:
        InputError: There is none.
    """
    # Of the processes of one run, the first speaks.
    if os.environ.get("LOCAL_RANK", "0") == "0":
        output.note(f"reading {data} and loading torch")
    from centernet.data.formats.catalog import format_of

    format_of(Path(data), with_keypoints=recipe.task == "pose")


def _check_time(given: dict[str, Any]) -> None:
    """Raises a `UsageError` if a time limit leaves no time; in files 0 means that there is none."""
    if given.get("minutes") == 0:
        raise UsageError("minutes=0 leaves no time to learn: leave it out for no limit, or write minutes=15")


def _plan(given: dict[str, Any], output: Output) -> int:
    data, model = given.pop("data"), given.pop("model", "auto")
    _check_time(given)
    # A wrong setting is reported before torch is imported, which takes seconds.
    with_settings(RECIPES.get(model, small)(), **given)
    from centernet.detector import CenterNet

    plan, minutes = CenterNet(model, given.get("device", "auto")).plan(data, **given)
    output.show(f"{plan}\nit takes about {minutes:.1f} min", {**plan.to_json(), "minutes": minutes})
    return 0


def _demo(given: dict[str, Any], output: Output) -> int:
    from centernet.demo import run_demo

    folder = Path(given.pop("folder", "runs/demo"))
    evaluation = run_demo(folder, say=output.note, **given)
    output.show(str(evaluation), evaluation.to_json())
    return 0


_MAIN_KEYS = (
    "data",
    "model",
    "minutes",
    "task",
    "start",
    "imgsz",
    "batch",
    "epochs",
    "val_split",
    "device",
)

TRAIN = Command(
    name="train",
    about="train on annotated images, keep the best weights and evaluate them",
    run=_train,
    arguments=(
        replace(DATA, is_required=False),
        Argument(
            name="model",
            type=TEXT,
            about="a recipe to train from scratch, or weights to continue; `centernet models` lists both",
            default="auto",
        ),
        Argument(
            name="resume",
            type=SWITCH_OR_TEXT,
            about="resume a run that was stopped: its folder, or true for the latest one",
            default="false",
        ),
        *settings_of(small()),
    ),
    examples=(
        "centernet train data=datasets/cells epochs=50 imgsz=320",
        "centernet train model=resnet18 data=coco devices=2",
        "centernet train resume=runs/detect/train",
    ),
    details="Defaults are those of the recipe, below of small; weights keep their network and task.",
    main_keys=(*_MAIN_KEYS, "name", "resume"),
)

PLAN = Command(
    name="plan",
    about="show what train would decide for your images and this machine, and why",
    run=_plan,
    arguments=tuple(
        replace(argument, is_required=argument.name == "data")
        for argument in TRAIN.arguments
        if argument.name != "resume"
    ),
    examples=(
        "centernet plan data=datasets/cells",
        "centernet plan data=datasets/cells minutes=15 imgsz=480",
    ),
    details="Nothing is trained and nothing written; train stores the same as plan.json in its run folder.",
    main_keys=(*_MAIN_KEYS, "precision", "seed"),
)

DEMO = Command(
    name="demo",
    about="data, training and evaluation in minutes, on generated images",
    run=_demo,
    arguments=(
        Argument(
            name="folder", type=TEXT, about="new folder for the scenes and the run", default="runs/demo"
        ),
        Argument(name="train", type=WHOLE, about="training images", default="1000"),
        Argument(name="val", type=WHOLE, about="validation images", default="200"),
        Argument(name="epochs", type=WHOLE, about="passes over the training images", default="10"),
        Argument(name="seed", type=WHOLE, about="seed of the scenes and of the training", default="0"),
        DEVICE,
    ),
    examples=("centernet demo", "centernet demo folder=/tmp/demo epochs=5"),
)
