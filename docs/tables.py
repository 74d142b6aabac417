"""Writes the tables of `reference.md` and `zoo.md` from the program itself: `python docs/tables.py`."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from centernet.cli.arguments import Argument
from centernet.cli.command import COMMON
from centernet.cli.commands import COMMANDS
from centernet.cli.train import settings_of
from centernet.models.factory import HOURGLASSES
from centernet.recipes.presets import RECIPES, small

REFERENCE = Path(__file__).with_name("reference.md")
ZOO = Path(__file__).with_name("zoo.md")
PAGES = (REFERENCE, ZOO)


def settings() -> str:
    """Every setting of `centernet train`, under its heading."""
    arguments = settings_of(small())
    parts = []
    for group in dict.fromkeys(argument.group for argument in arguments):
        parts += [f"### {group}", _table(argument for argument in arguments if argument.group == group)]
    return "\n\n".join(parts)


def commands() -> str:
    """Every command with its arguments, except the settings of `train`."""
    known = {argument.name for argument in settings_of(small())}
    parts = []
    for command in COMMANDS.values():
        arguments = [item for item in command.arguments if command.name != "train" or item.name not in known]
        parts += [f"### `centernet {command.name}`", f"{command.about[0].upper()}{command.about[1:]}."]
        parts += [_table(arguments)] * bool(arguments)
    parts += ["### Every command", _table(COMMON)]
    return "\n\n".join(parts)


def recipes() -> str:
    """The recipes of the paper, with the images of a step."""
    rows = [
        "| recipe | images per step | with several GPUs | learning rate | epochs | network and task |",
        "|---|---|---|---|---|---|",
    ]
    for name, make in RECIPES.items():
        recipe = make()
        if recipe.optimizer != "adam":
            continue
        images = f"{recipe.batch} × {recipe.accumulate} = {recipe.batch * recipe.accumulate}"
        start = "" if recipe.backbone in HOURGLASSES else " pretrained=true"
        if recipe.task == "pose":
            start = " start=weights/hg" if recipe.backbone in HOURGLASSES else " start=weights/dla-2x"
        epochs = f"{recipe.epochs}, a tenth after {' and '.join(map(str, recipe.lr_steps))}"
        about = (inspect.getdoc(make) or "").splitlines()[0]
        several = f"devices={recipe.accumulate} accumulate=1"
        rows.append(
            f"| `model={name}{start}` | {images} | `{several}` | {recipe.lr:g} | {epochs} | {about} |"
        )
    return "\n".join(rows)


def _table(arguments: Iterable[Argument]) -> str:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for argument in arguments:
        # In capitals it is no default but the kind of value to type.
        default = f"`{argument.default}`" if argument.default and not argument.default.isupper() else ""
        if argument.is_required:
            default = "required"
        rows.append(f"| `{argument.name}` | {default} | {argument.about} |")
    return "\n".join(rows)


TABLES = {"settings": settings, "commands": commands, "recipes": recipes}
"""Functions that make a table, by its name in the comments around it."""


def with_tables(page: str) -> str:
    """The page with its tables replaced by generated ones."""
    for name, make in TABLES.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(start)}.*{re.escape(end)}", re.DOTALL)
        table = f"{start}\n\n{make()}\n\n{end}"
        page = pattern.sub(lambda _, table=table: table, page)
    return page


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
