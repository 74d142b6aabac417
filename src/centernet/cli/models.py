"""`centernet models`."""

import inspect
import json
from typing import Any

from centernet.cli.command import Command, Output
from centernet.recipes.presets import RECIPES
from centernet.weights.zoo import CONFIG, ZOO, names


def _models(given: dict[str, Any], output: Output) -> int:
    del given
    weights = {name: _summary(name) for name in names()}
    recipes = {name: (inspect.getdoc(recipe) or "").splitlines()[0] for name, recipe in RECIPES.items()}
    width = max(map(len, (*weights, *recipes)))
    lines = ["Weights that come with the package (centernet predict model=NAME source=...):"]
    lines += [f"  {name:{width}}  {about}" for name, about in weights.items()] or ["  none"]
    lines += ["", "Recipes to train (centernet train model=NAME data=...):"]
    lines += [f"  {name:{width}}  {about}" for name, about in recipes.items()]
    output.show(
        "\n".join(lines),
        {
            "weights": [{"name": name, "about": about} for name, about in weights.items()],
            "recipes": [{"name": name, "about": about} for name, about in recipes.items()],
        },
    )
    return 0


def _summary(name: str) -> str:
    config = json.loads((ZOO / name / CONFIG).read_text(encoding="utf-8"))
    return f"Finds {', '.join(config['categories']['names'])}."


MODELS = Command(
    name="models",
    about="list weights that come with the package, and recipes to train",
    run=_models,
    arguments=(),
    examples=("centernet models",),
)
