"""Builds the predictor that a training begins with."""

import sys
from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

import torch

from centernet.data.formats.common.left_right import why_not_flipped
from centernet.errors import UsageError
from centernet.geometry.resize import Letterbox, ResizeLongestSide, ResizeRule
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.recipes.presets import small
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Categories
from centernet.training.task_builders import TASK_BUILDERS, check_settings, task_builder_of, task_of
from centernet.weights.config import TASKS
from centernet.weights.files import transfer


def build_predictor(
    recipe: Recipe, categories: Categories, weights: TorchPredictor | None = None
) -> TorchPredictor:
    """A predictor to fit.

    Args:
        recipe: Network, task and pre-processing.
        categories: What it is to find.
        weights: Go on from these: every layer that has the same shape in the new network is taken over.
    """
    torch.manual_seed(recipe.seed)
    architecture = Architecture(
        backbone=recipe.backbone,
        channels=recipe.channels,
        head_channels=recipe.head_channels,
        regression_channels=recipe.regression_channels,
        separable=recipe.separable,
    )
    task = task_of(recipe, categories)
    network = architecture.build(task.heads, pretrained=recipe.pretrained and weights is None)
    _check_sides(recipe, network.backbone.divisor)
    if weights is not None and (fresh := transfer(weights.network, network)):
        print(f"these layers start afresh, since the classes differ: {', '.join(fresh)}", file=sys.stderr)
    rule = _rule_of(recipe, network.backbone.divisor)
    if weights is not None and rule != weights.rule:
        print(f"the weights saw images as {weights.rule}, training shows them as {rule}", file=sys.stderr)
    return TorchPredictor(
        network=network,
        task=task,
        categories=categories,
        rule=rule,
        normalize=Normalize(mean=recipe.mean, std=recipe.std, bgr=recipe.bgr),
        architecture=architecture,
    )


def adapt_to_data(recipe: Recipe, categories: Categories, chosen: Collection[str]) -> Recipe:
    """The recipe without what would spoil this data, unless it was chosen; says what is left out and why.

    Args:
        recipe: What was asked for.
        categories: What is to be found.
        chosen: Settings that were given by hand.

    Raises:
        UsageError: One of these says nothing to the task.
    """
    check_settings(recipe, chosen)
    mirrors = [key for key in ("flip", "flip_vertical") if getattr(recipe, key) and key not in chosen]
    reason = why_not_flipped(categories) if task_builder_of(recipe).with_keypoints else None
    if not mirrors or reason is None:
        return recipe
    print(
        f"images are not mirrored: {reason}, so a mirrored keypoint might have the wrong name; where "
        f"nothing is left or right, say {mirrors[0]}=0.5",
        file=sys.stderr,
    )
    return with_settings(recipe, **dict.fromkeys(mirrors, 0.0))


def recipe_of(predictor: TorchPredictor) -> Recipe:
    """A recipe to go on training weights with: `small`, but for their network, task and pre-processing."""
    known = {field.name for field in fields(Recipe)}
    settings = vars(predictor.task)
    task = settings.get("inner", predictor.task)
    predicted: dict[str, Any] = {
        **vars(predictor.architecture),
        **vars(predictor.normalize),
        **settings,
        **vars(task),
        "imgsz": _side_of(predictor),
        "rect": isinstance(predictor.rule, ResizeLongestSide),
        "task": next(name for name, kind in TASKS.items() if type(task) is kind),
    }
    if predicted["task"] not in TASK_BUILDERS:
        del predicted["task"]
    return replace(small(), **{key: value for key, value in predicted.items() if key in known})


def _side_of(predictor: TorchPredictor) -> int:
    """The side of training inputs nearest to what weights saw: a multiple of what the network needs."""
    divisor = predictor.network.backbone.divisor
    return max(divisor, round(max(predictor.rule((512, 512))[0]) / divisor) * divisor)


def _check_sides(recipe: Recipe, divisor: int) -> None:
    for key, side in {"imgsz": recipe.imgsz, "crop": recipe.crop}.items():
        if side % divisor:
            nearest = max(divisor, round(side / divisor) * divisor)
            raise UsageError(
                f"{key} must be a multiple of {divisor} for {recipe.backbone}; got {side}: "
                f"try {key}={nearest}"
            )


def _rule_of(recipe: Recipe, divisor: int) -> ResizeRule:
    if recipe.rect:
        return ResizeLongestSide(long_side=recipe.imgsz, multiple=divisor)
    return Letterbox(height=recipe.imgsz, width=recipe.imgsz)
