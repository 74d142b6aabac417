"""What to say of a run that learned nothing: the likely reasons, from what can be measured then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from centernet.evaluation import evaluate
from centernet.geometry.affine import transform_boxes
from centernet.inference.stream import Predictor, annotated, detect_stream
from centernet.io.images import image_size, read_image
from centernet.structures import Dataset, ImageRecord

NOTHING = 0.01
"""A smaller AP is nothing."""

MANY_STEPS = 300
"""So many optimiser steps begin to show objects, from random weights."""

NUM_IMAGES = 32
"""Number of training images that are measured."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a finished run.

    Attributes:
        ap: AP on the validation images, 0 to 1 or NaN.
        training_ap: AP on some training images.
        num_images: Number of these.
        num_steps: Number of optimiser steps.
        epochs: Number of epochs.
        minutes: Time limit; 0 for none.
        small_share: Fraction of their boxes whose shorter side is less than two cells.
        small_px: Two cells, input pixels.
        imgsz: Side of the input, pixels.
        farthest_px: Largest coordinate of their boxes, image pixels.
        contrast: Largest standard deviation of the pixels of an image, 0 to 255.
        folder: The run folder.
    """

    ap: float
    training_ap: float
    num_images: int
    num_steps: int
    epochs: int
    minutes: float
    small_share: float
    small_px: int
    imgsz: int
    farthest_px: float
    contrast: float
    folder: Path


def has_learned_nothing(ap: float) -> bool:
    """True if the AP is next to nothing or no number."""
    return not ap >= NOTHING


def reasons(facts: Facts) -> list[str]:
    """Two to four lines: that the run learned nothing, why it seems so, and what to do."""
    lines = []
    if facts.farthest_px <= 2:
        lines.append(
            "all boxes lie in the first two pixels: they seem to be fractions of its sides, not pixels"
        )
    if facts.contrast < 2:
        lines.append("the training images have a single colour each: check the files")
    if facts.num_steps < MANY_STEPS:
        factor = -(-MANY_STEPS // max(facts.num_steps, 1))
        longer = f"minutes={factor * facts.minutes:g}" if facts.minutes else f"epochs={factor * facts.epochs}"
        lines.append(
            f"{facts.num_steps} steps are few, {MANY_STEPS} show first results: take "
            f"{longer} or a smaller batch"
        )
    if facts.small_share >= 0.25:
        lines.append(
            f"{facts.small_share:.0%} of the boxes are narrower than two cells, {facts.small_px} px of the "
            f"input: raise imgsz above {facts.imgsz}, or train with crop= and predict with slice="
        )
    if not lines and facts.training_ap >= 0.1:
        lines.append("it knows the images it trained on but no others: are both of one kind, and enough?")
    if not lines:
        lines.append(f"see {facts.folder / 'train_batch1.jpg'}: the boxes must lie on the objects")
    return [
        f"this run learned nothing: AP {facts.ap:.3f}, on {facts.num_images} of its training images "
        f"{facts.training_ap:.3f}; why it seems so:",
        *lines[:3],
    ]


def facts_of(
    predictor: Predictor,
    training: Dataset,
    *,
    ap: float,
    num_steps: int,
    epochs: int,
    minutes: float,
    folder: Path,
) -> Facts:
    """Measures some training images, spread over all of them, with the best weights.

    Args:
        predictor: The best weights.
        training: The training images.
        ap: AP on the validation images.
        num_steps: Number of optimiser steps.
        epochs: Number of epochs.
        minutes: Time limit; 0 for none.
        folder: The run folder.
    """
    chosen = np.linspace(0, len(training) - 1, min(NUM_IMAGES, len(training))).astype(int)
    some = replace(training, records=tuple(training.records[index] for index in chosen))
    found = list(detect_stream(predictor, annotated(some), batch=1, workers=1))
    sides = shorter_sides(predictor, some.records)
    boxes = np.concatenate([record.annotations.boxes for record in some.records])
    return Facts(
        ap=ap,
        training_ap=evaluate(some, found, details=False)["AP"],
        num_images=len(some),
        num_steps=num_steps,
        epochs=epochs,
        minutes=minutes,
        small_share=float((sides < 2 * predictor.stride).mean()) if len(sides) else 0.0,
        small_px=2 * predictor.stride,
        imgsz=max(predictor.rule((512, 512))[0]),
        farthest_px=float(boxes.max(initial=0)) if len(boxes) else np.inf,
        contrast=max(float(read_image(record.path).std()) for record in some.records[:8]),
        folder=folder,
    )


def shorter_sides(predictor: Predictor, records: Sequence[ImageRecord]) -> "np.ndarray":
    """The shorter side of each box at the size of the input, pixels."""
    boxes = [
        transform_boxes(predictor.rule(record.size or image_size(record.path))[1], record.annotations.boxes)
        for record in records
    ]
    corners = np.concatenate(boxes)
    return (corners[:, 2:] - corners[:, :2]).min(axis=1, initial=np.inf)
