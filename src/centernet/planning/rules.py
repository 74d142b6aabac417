"""The rules of a plan. Each is a function from the facts to a decision, with its reason.

What was measured behind them is in `docs/explanation.md`, "What the plan decides".
"""

import math
from dataclasses import dataclass

from centernet.data.doctor.crowding import Crowding
from centernet.geometry.resize import training_rule
from centernet.planning.machine import Machine
from centernet.planning.plan import Decision
from centernet.planning.statistics import Statistics
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset

STRIDE, DIVISOR = 4, 32
"""Input pixels of a cell, and of what sides of inputs are multiples, in the networks that are planned."""

SIDES = (128, 160, 192, 224, 256, 288, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048)
"""Input sizes to choose from, pixels."""

USUAL_SIDE = 320
"""Input size at which objects of ordinary size are learned quickest."""

SMALL_OBJECT = 14
"""Size in pixels of the input that nine objects in ten shall have: three cells and a half."""

LARGEST_SIDE = {True: 1024, False: 512}
"""Largest input size at which whole images are learned, with a GPU and without."""

CROP = {True: 512, False: 320}
"""Side of crops of larger ones, pixels, with a GPU and without."""

USUAL_OBJECT = 48
"""Size in pixels of the input that half of the objects shall have, where images keep their scale."""

LARGEST_WHOLE = 2048
"""Longest side in pixels of an input that is validated whole."""

MIN_IMAGES_SEEN = 12_000
"""Images that a detector must see at least, with repetitions, before it has learned what few images teach."""


MIN_PASSES = 12
"""Passes over the images at least, however many they are."""

MIN_STEPS = 24
"""Steps of an epoch at least: every epoch writes its files."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts that rules decide by.

    Attributes:
        dataset: The training images.
        statistics: Their statistics.
        machine: The machine.
        network: Name of the network.
        recipe: The recipe so far: settings that the user chose, and those of earlier rules.
        chosen: Names of the settings that the user chose.
    """

    dataset: Dataset
    statistics: Statistics
    machine: Machine
    network: str
    recipe: Recipe
    chosen: frozenset[str]


def input_size(facts: Facts) -> Decision:
    """The smallest usual input in which small objects are large enough, no larger than the images.

    Images of different sizes whose objects have one size in pixels, as those of one camera above ground or of
    one magnification, are all resized by one factor, and cropped in training.
    """
    numbers = facts.statistics
    if numbers.has_one_scale and "imgsz" not in facts.chosen and "rect" not in facts.chosen:
        small, typical, _ = numbers.pixels
        factor = min(1.0, max(SMALL_OBJECT / small, USUAL_OBJECT / typical))
        if factor * numbers.longest_side <= LARGEST_WHOLE:
            return Decision(
                settings={"image_scale": float(f"{factor:.2g}"), "imgsz": USUAL_SIDE, "rect": False},
                because="objects have one size in pixels, whatever that of the image: all keep their scale",
            )
    own = next((side for side in SIDES if side >= numbers.long_side), SIDES[-1])
    needed = SMALL_OBJECT / max(numbers.sizes[0], 1e-6)
    wanted = next((side for side in SIDES if side >= max(USUAL_SIDE, needed)), SIDES[-1])
    imgsz = min(own, wanted)
    pixels = numbers.sizes[0] * imgsz
    if imgsz == own:
        reason = "the size of the images"
    elif pixels < SMALL_OBJECT:
        reason = f"the largest that is planned: one object in ten is under {pixels:.0f} px"
    else:
        reason = f"nine objects in ten have {pixels:.0f} px or more there"
    rect = numbers.is_one_shape or imgsz > LARGEST_SIDE[facts.machine.has_gpu]
    return Decision(settings={"imgsz": imgsz, "rect": rect}, because=reason)


def crops(facts: Facts) -> Decision | None:
    """Crops of inputs that are large by plan, or were for the weights."""
    recipe, has_gpu = facts.recipe, facts.machine.has_gpu
    if recipe.image_scale or "imgsz" in facts.chosen or recipe.imgsz <= LARGEST_SIDE[has_gpu]:
        return None
    return Decision(settings={"crop": CROP[has_gpu]}, because="parts of large images are learned quicker")


def batch_and_length(facts: Facts) -> Decision:
    """Small batches on processors, since few images give few steps; enough epochs to learn."""
    count = facts.statistics.num_images
    batch = 16 if facts.machine.has_gpu else 4 if count < 2000 else 8
    used = facts.recipe.batch if "batch" in facts.chosen else batch
    if "epochs" in facts.chosen and not facts.recipe.minutes:
        return Decision(settings={"batch": batch}, because="small batches make many steps of few images")
    repeats = math.ceil(MIN_STEPS * used / count)
    settings = {"batch": batch, "repeats": repeats}
    if facts.recipe.minutes:
        return Decision(settings=settings, because="small batches make many steps of few images")
    seen = max(MIN_IMAGES_SEEN, MIN_PASSES * count, round(1340 * math.sqrt(count)))
    epochs = math.ceil(seen / (count * repeats))
    steps = epochs * math.ceil(count * repeats / used)
    return Decision(settings={**settings, "epochs": epochs}, because=f"{steps} steps, {seen} images seen")


def rate(facts: Facts) -> Decision:
    """The rate of the network's size at batch 4, with the square root of larger batches."""
    base = 2e-3 if facts.network == "nano" else 1e-3
    lr = float(f"{base * math.sqrt(facts.recipe.batch / 4):.1g}")
    epochs = facts.recipe.epochs
    return Decision(
        settings={
            "lr": min(lr, 4e-3),
            "schedule": "step",
            "lr_steps": (max(1, round(0.8 * epochs)),),
            "ema": 0.9998,
            "warmup_epochs": _warmup(facts),
        },
        because="a tenth of the rate in the last fifth; the average of the weights lengthens with the steps",
    )


def augmentation(facts: Facts) -> Decision:
    """Mosaics until the last fifth; none where every image shows one object in its place."""
    if facts.recipe.task == "pose" and facts.statistics.has_single_objects:
        return Decision(
            settings={"mosaic": 0.0, "plain_epochs": 0},
            because="every image shows one object, and so will others",
        )
    return Decision(
        settings={"mosaic": 1.0, "plain_epochs": max(1, round(facts.recipe.epochs / 5))},
        because="cut objects teach their outlines; the last fifth is as images are",
    )


def losses(facts: Facts) -> Decision:
    """Soft heatmaps and boxes as distributions, learned in the cells around the centre too."""
    recipe, settings = facts.recipe, {"giou_weight": 5.0, "spread": 1}
    if not recipe.quality:
        settings["soft_heatmap"] = True
    if recipe.sides_weight or "sides_weight" not in facts.chosen:
        settings |= {"sides_weight": 0.5, "box_bins": 17}
    return Decision(
        settings=settings, because="boxes by distributions over distances learn from fewest images"
    )


def classes(facts: Facts) -> Decision | None:
    """A map that keeps classes apart, where there are several."""
    count = facts.statistics.num_classes
    if facts.recipe.task != "detect" or count == 1:
        return None
    return Decision(
        settings={"class_weight": 1.0}, because=f"{count} classes: a map keeps them apart at each peak"
    )


def keypoints(facts: Facts) -> Decision | None:
    """Keypoints by their heatmaps more than by the centre, which learns late how far they are."""
    if facts.recipe.task != "pose":
        return None
    alone = facts.statistics.has_single_objects
    return Decision(
        settings={"place_weight": 1.0, "keypoint_radius": 6, "snap_sigma": 0.4 if alone else 0.2},
        because="heatmaps that compete for the place in the box learn it from fewest images",
    )


def crowded(facts: Facts) -> Decision | None:
    """Two objects a cell where centres of one class collide."""
    recipe = facts.recipe
    rule = training_rule(recipe.imgsz, recipe.rect, recipe.image_scale, DIVISOR)
    crowding = Crowding.of(facts.dataset, rule, STRIDE)
    share = sum(one.in_cell for one in crowding.classes) / max(1, facts.statistics.num_objects)
    if share < 0.01:
        return None
    return Decision(
        settings={"per_cell": 2},
        because=f"{100 * share:.0f} % of the objects share a cell with one of their class",
    )


def detections(facts: Facts) -> Decision:
    """Twice as many detections as the fullest image has objects."""
    return Decision(
        settings={"top_k": max(100, 50 * math.ceil(2 * facts.statistics.most_objects / 50))},
        because=f"at least twice the {facts.statistics.most_objects} objects of the fullest image",
    )


def validation(facts: Facts) -> Decision | None:
    """Some fifteen validations; a time limit spreads them by itself."""
    if facts.recipe.minutes:
        return None
    return Decision(settings={"val_every": max(1, round(facts.recipe.epochs / 15))}, because="15 validations")


def _warmup(facts: Facts) -> float:
    """Epochs of warm-up: a hundred steps, and a tenth of the training at most."""
    steps = math.ceil(facts.statistics.num_images * facts.recipe.repeats / facts.recipe.batch)
    return round(min(100 / steps, facts.recipe.epochs / 10), 2)
