"""Builds the predictor that a training starts with."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from centernet.data.formats.common.left_right import why_not_flipped
from centernet.errors import UsageError
from centernet.geometry.many_images import boxes_in_inputs
from centernet.geometry.resize import FixedScale, ResizeLongestSide, ResizeRule, training_rule
from centernet.hardware import settle_after_fork
from centernet.inference.predictor import TorchPredictor
from centernet.io.images import image_size
from centernet.io.messages import say
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.recipes.presets import small
from centernet.recipes.recipe import SETTINGS, Recipe, with_settings
from centernet.structures import Categories, Dataset
from centernet.structures.records import Records
from centernet.training.freezing import encoder_of
from centernet.training.pretrained import announce, encoder_weights, with_statistics_of_encoder
from centernet.training.task_builders import TASK_BUILDERS, check_settings, task_builder_of, task_of
from centernet.weights.config import TASKS
from centernet.weights.files import transfer

STRIDE, DIVISOR = 4, 32
"""Of the networks that recipes name; that Hourglass pads to multiples of 128 hardly changes a mean."""

TRAINING_CROP = 320
"""Side in pixels of training crops for weights that keep the scale of images: they do not tell it."""


def build_predictor(
    recipe: Recipe, categories: Categories, weights: TorchPredictor | None = None
) -> TorchPredictor:
    """A predictor to train.

    Args:
        recipe: Network, task and pre-processing.
        categories: Classes to detect.
        weights: Copy from these every layer that has the same shape in the new network.
    """
    settle_after_fork()
    torch.manual_seed(recipe.seed)
    architecture = Architecture(
        backbone=recipe.backbone,
        channels=recipe.channels,
        head_channels=recipe.head_channels,
        regression_channels=recipe.regression_channels,
        separable=recipe.separable,
    )
    task = task_of(recipe, categories)
    pretrained = encoder_weights(recipe) if weights is None else False
    network = architecture.build(task.heads, pretrained=pretrained)
    _check_sides(recipe, network.backbone.divisor)
    encoder_of(network, recipe)
    if weights is None:
        announce(recipe, pretrained)
    if weights is not None and (new := transfer(weights.network, network)):
        say(f"these layers start from random weights, their shapes differ: {', '.join(new)}")
    rule = _rule_of(recipe, network.backbone.divisor)
    if weights is not None and rule != weights.rule and not recipe.start:
        say(f"the weights were trained with {weights.rule}; this training resizes with {rule}")
    return TorchPredictor(
        network=network,
        task=task,
        categories=categories,
        rule=rule,
        normalize=Normalize(mean=recipe.mean, std=recipe.std, bgr=recipe.bgr),
        architecture=architecture,
    )


def adapt_to_data(
    recipe: Recipe, training: Dataset, chosen: Collection[str], weights: TorchPredictor | None = None
) -> Recipe:
    """The recipe with the settings that the training images and weights decide, unless they were chosen.

    These are `box_scale`, if boxes are predicted as distributions, and flips, which are left out if they
    would mislabel keypoints; the reason is printed. Weights whose boxes are distributions keep their scale.
    Without weights of a detector, `mean` and `std` are those of the ImageNet weights of the encoder.

    Args:
        recipe: The recipe with the chosen settings.
        training: The training images.
        chosen: Names of the settings that were given by hand.
        weights: The weights to begin from, if any.

    Raises:
        UsageError: A chosen setting is not used by the task; or no training box tells `box_scale`.
        InputError: The file of weights of the encoder is missing, or not what it should be.
    """
    check_settings(recipe, chosen)
    if weights is None:
        recipe = with_statistics_of_encoder(recipe, chosen)
    if recipe.box_bins and not recipe.box_scale:
        # Tasks of several layers hold another.
        task = getattr(weights.task, "inner", weights.task) if weights is not None else None
        scale = getattr(task, "box_scale", 0.0)
        recipe = with_settings(recipe, box_scale=scale or _typical_distance(training, recipe))
    return _without_wrong_flips(recipe, training.categories, chosen)


def _typical_distance(training: Dataset, recipe: Recipe) -> float:
    """The geometric mean of the distances from the centres of boxes to their sides, cells.

    The cells are those of the level on which an object is learned.
    """
    rule = _rule_of(recipe, DIVISOR)
    records = Records.of(training.records)
    is_learned = ~records.objects["is_crowd"] | recipe.train_crowd
    if not is_learned.any():
        raise UsageError("box_scale is measured on the training boxes, and there are none: set box_scale=4")
    sizes = records.sizes.copy()
    for index in np.flatnonzero(sizes[:, 0] < 0).tolist():
        sizes[index] = image_size(Path(records.paths[index]))
    boxes = records.objects["boxes"][is_learned]
    boxes = boxes_in_inputs(rule, sizes, records.image_index[is_learned], boxes) / STRIDE
    sides = boxes[:, 2:] - boxes[:, :2]
    # One pixel at least: boxes without an area are possible.
    sides = np.maximum(sides, 1 / STRIDE)
    octave = np.log2(np.sqrt(sides.prod(axis=1)) / recipe.level_cells)
    level = np.floor(octave).clip(0, recipe.levels - 1)
    return float(np.exp(np.log(sides / 2 / 2 ** level[:, None]).mean()))


def _without_wrong_flips(recipe: Recipe, categories: Categories, chosen: Collection[str]) -> Recipe:
    flips = [key for key in ("flip", "flip_vertical") if getattr(recipe, key) and key not in chosen]
    reason = why_not_flipped(categories) if task_builder_of(recipe).with_keypoints else None
    if not flips or reason is None:
        return recipe
    say(
        f"images are not flipped: {reason}, so a flipped keypoint might get the wrong name; if no keypoint "
        f"is left or right, set {flips[0]}=0.5"
    )
    return with_settings(recipe, **dict.fromkeys(flips, 0.0))


def recipe_of(predictor: TorchPredictor) -> Recipe:
    """A recipe to continue training weights: `small` with their network, task and pre-processing."""
    outer = vars(predictor.task)
    task = outer.get("inner", predictor.task)
    settings: dict[str, Any] = {
        **vars(predictor.architecture),
        **vars(predictor.normalize),
        **outer,
        **vars(task),
        "imgsz": _side_of(predictor),
        "rect": isinstance(predictor.rule, ResizeLongestSide),
        "image_scale": predictor.rule.factor if isinstance(predictor.rule, FixedScale) else 0.0,
        "task": next(name for name, known_task in TASKS.items() if type(task) is known_task),
    }
    if settings["task"] not in TASK_BUILDERS:
        del settings["task"]
    return replace(small(), **{key: value for key, value in settings.items() if key in SETTINGS})


def _side_of(predictor: TorchPredictor) -> int:
    """The side of training inputs nearest to those the weights were trained on, a multiple of the divisor."""
    divisor = predictor.network.backbone.divisor
    rule = predictor.rule
    side = TRAINING_CROP if isinstance(rule, FixedScale) else max(rule((512, 512))[0])
    return max(divisor, round(side / divisor) * divisor)


def _check_sides(recipe: Recipe, divisor: int) -> None:
    for key, side in {"imgsz": recipe.imgsz, "crop": recipe.crop}.items():
        if side % divisor:
            nearest = max(divisor, round(side / divisor) * divisor)
            raise UsageError(
                f"{key} must be a multiple of {divisor} for {recipe.backbone}; got {side}: "
                f"try {key}={nearest}"
            )


def _rule_of(recipe: Recipe, divisor: int) -> ResizeRule:
    return training_rule(recipe.imgsz, recipe.rect, recipe.image_scale, divisor)
