"""Where a training begins: the data, and a predictor to fit to it."""

import sys
from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from centernet.data.checks import clean
from centernet.data.formats import open_dataset, splits
from centernet.data.sides import why_not_mirrored
from centernet.data.splits import stand_in
from centernet.errors import InputError, UsageError
from centernet.geometry.resize import Fit, Follow, ResizeRule
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.predictor import Predictor
from centernet.recipe import Recipe, with_settings
from centernet.recipes import FEW, FOR_FEW, small
from centernet.skeletons import by_hand
from centernet.structures import Categories, Dataset
from centernet.training.kinds import KINDS, check_settings, kind_of, task_of
from centernet.weights import TASKS, transfer


def open_training_data(data: str, recipe: Recipe) -> tuple[Dataset, Dataset | None]:
    """Cleaned training images, and validation images where there are some; says what was mended.

    Args:
        data: Where they are.
        recipe: What is learned from them, and what it says of their skeleton.

    Raises:
        UsageError: There is no such skeleton.
        InputError: There is nothing to learn from, or the two splits differ in their classes.
    """
    with_keypoints = kind_of(recipe).with_keypoints
    training = _with_skeleton(_cleaned(open_dataset(data, "train", with_keypoints)), recipe)
    if not any(len(record.annotations) for record in training.records):
        raise InputError(
            f"{data}: no usable object is left to learn; `centernet doctor data={data}` says why"
        )
    if kind_of(recipe).in_space:
        _check_space(data, training, recipe)
    name = stand_in(splits(data, with_keypoints), "val")
    if name is None:
        print(f"{data} has no validation images, so AP is not measured", file=sys.stderr)
        return training, None
    if name in ("test", "testing"):
        print(
            f"{data} has no val: the best weights are chosen on {name}, so their AP there is too good",
            file=sys.stderr,
        )
    validation = _with_skeleton(_cleaned(open_dataset(data, "val", with_keypoints)), recipe)
    check_same_classes(training.categories, validation)
    if not any(len(record.annotations) for record in validation.records):
        print(f"{validation.name} holds no object, so AP is not measured", file=sys.stderr)
        return training, None
    if kind_of(recipe).in_space:
        validation = _with_cameras(validation)
    return training, validation


def _with_cameras(validation: Dataset) -> Dataset:
    """The images whose boxes in 3D can be measured; says how many cannot.

    Raises:
        InputError: None has a camera.
    """
    kept = tuple(record for record in validation.records if record.camera is not None)
    if not kept:
        raise InputError(f"{validation.name}: no validation image has a camera, so nothing can be measured")
    if missing := len(validation) - len(kept):
        print(f"{validation.name}: {missing} images have no camera and are not measured on", file=sys.stderr)
    return replace(validation, records=kept)


def _check_space(data: str, training: Dataset, recipe: Recipe) -> None:
    """Raises unless there are boxes in 3D with cameras to learn, and images are shown upright."""
    if not any(
        record.camera is not None and np.isfinite(record.annotations.boxes3d).all(axis=1).any()
        for record in training.records
    ):
        raise InputError(
            f"{data} has no boxes in 3D with a camera: KITTI says them in label_2 and calib, COCO's json in "
            "dim, location and rotation_y of an object and camera of an image"
        )
    for key in ("rotate", "flip_vertical", "quarter_turns", "mosaic"):
        if getattr(recipe, key):
            raise UsageError(f"{key} does not go with boxes in 3D: cameras stand upright; leave it out")
    for key in ("mixup", "copy_paste"):
        if getattr(recipe, key):
            raise UsageError(
                f"{key} does not go with boxes in 3D: each image has its own camera; leave it out"
            )


def advise(model: str, recipe: Recipe, training: Dataset) -> None:
    """Says which recipe of the same network is made for so few images, where there is one.

    Args:
        model: The recipe that was asked for, by name.
        recipe: What it became.
        training: What is learned from.
    """
    better = FOR_FEW.get(model)
    # What it does otherwise is in the losses of boxes, too.
    if better and len(training) < FEW and "spread" in kind_of(recipe).settings:
        print(
            f"{training.name}: {len(training)} training images are few for model={model}; "
            f"model={better} is made for so few",
            file=sys.stderr,
        )


def check_same_classes(categories: Categories, dataset: Dataset) -> None:
    """Raises an `InputError` unless a data set has just these classes in this order."""
    came, known = dataset.categories.names, categories.names
    if came != known:
        raise InputError(
            f"{dataset.name} has {len(came)} classes ({', '.join(came)}), "
            f"but the detector knows {len(known)} ({', '.join(known)}): train it on this data set first"
        )


def start(recipe: Recipe, categories: Categories, weights: Predictor | None = None) -> Predictor:
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
    return Predictor(
        network=network,
        task=task,
        categories=categories,
        rule=rule,
        normalize=Normalize(mean=recipe.mean, std=recipe.std, bgr=recipe.bgr),
        architecture=architecture,
    )


def suited(recipe: Recipe, categories: Categories, chosen: Collection[str]) -> Recipe:
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
    reason = why_not_mirrored(categories) if kind_of(recipe).with_keypoints else None
    if not mirrors or reason is None:
        return recipe
    print(
        f"images are not mirrored: {reason}, so a mirrored keypoint might have the wrong name; where "
        f"nothing is left or right, say {mirrors[0]}=0.5",
        file=sys.stderr,
    )
    return with_settings(recipe, **dict.fromkeys(mirrors, 0.0))


def recipe_of(predictor: Predictor) -> Recipe:
    """A recipe to go on training weights with: `small`, but for their network, task and pre-processing."""
    known = {field.name for field in fields(Recipe)}
    settings = vars(predictor.task)
    task = settings.get("inner", predictor.task)
    told: dict[str, Any] = {
        **vars(predictor.architecture),
        **vars(predictor.normalize),
        **settings,
        **vars(task),
        "imgsz": _side_of(predictor),
        "rect": isinstance(predictor.rule, Follow),
        "task": next(name for name, kind in TASKS.items() if type(task) is kind),
    }
    if told["task"] not in KINDS:
        del told["task"]
    return replace(small(), **{key: value for key, value in told.items() if key in known})


def _side_of(predictor: Predictor) -> int:
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
        return Follow(long_side=recipe.imgsz, multiple=divisor)
    return Fit(height=recipe.imgsz, width=recipe.imgsz)


def _with_skeleton(dataset: Dataset, recipe: Recipe) -> Dataset:
    told = {"edges": recipe.edges, "flip_pairs": recipe.flip_pairs, "sigmas": recipe.sigmas}
    return replace(dataset, categories=by_hand(dataset.categories, **told))


def _cleaned(dataset: Dataset) -> Dataset:
    cleaned, defects = clean(dataset)
    defects = dataset.defects + defects
    if defects:
        print(
            f"{dataset.name}: {len(defects)} defects (see `centernet doctor`): {defects[0]}", file=sys.stderr
        )
    return cleaned
