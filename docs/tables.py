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
    """Every setting of `centernet train`, by the heading it has there."""
    arguments = settings_of(small())
    parts = []
    for group in dict.fromkeys(argument.group for argument in arguments):
        parts += [f"### {group}", _table(one for one in arguments if one.group == group)]
    return "\n\n".join(parts)


def verbs() -> str:
    """Every verb with what it takes, but for the settings of `train`."""
    known = {argument.name for argument in settings_of(small())}
    parts = []
    for verb in COMMANDS.values():
        own = [one for one in verb.arguments if verb.name != "train" or one.name not in known]
        parts += [f"### `centernet {verb.name}`", f"{verb.about[0].upper()}{verb.about[1:]}."]
        parts += [_table(own)] * bool(own)
    parts += ["### Every verb", _table(COMMON)]
    return "\n\n".join(parts)


def recipes() -> str:
    """The recipes with the paper's settings, and how many images make a step."""
    rows = [
        "| recipe | images a step | on so many GPUs | rate | epochs | what it is |",
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
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for one in arguments:
        # In capitals, or required: not a default, but what to put there.
        default = "required" if one.is_required else "" if one.default.isupper() else f"`{one.default}`"
        rows.append(f"| `{one.name}` | {default} | {one.about} |")
    return "\n".join(rows)


TABLES = {"settings": settings, "verbs": verbs, "recipes": recipes}
"""Makers of tables by the name in the marks around them."""


def with_tables(page: str) -> str:
    """The page with its tables as they should be."""
    for name, make in TABLES.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(start)}.*{re.escape(end)}", re.DOTALL)
        table = f"{start}\n\n{make()}\n\n{end}"
        page = pattern.sub(lambda _, table=table: table, page)
    return page


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
