"""The time of a training, measured on a few steps before it begins."""

import copy
import time
from dataclasses import replace

import torch

from centernet.hardware import device_of, usable_cores
from centernet.inference.predictor import TorchPredictor
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.training.fit import uses_bf16
from centernet.training.freezing import frozen
from centernet.training.loaders import training_loader
from centernet.training.module import TrainingModule
from centernet.training.timetable import Timetable

_STEPS = 3
"""Steps that are timed, after one that is not: it takes memory from the system."""


def expected_minutes(predictor: TorchPredictor, recipe: Recipe, training: Dataset) -> float:
    """How long the epochs of a training take, without validation; on several devices as on one.

    Args:
        predictor: The predictor to train; it is not changed.
        recipe: Settings of the training.
        training: Training images.
    """
    device = device_of(recipe.device.partition(",")[0])
    trial = copy.deepcopy(predictor)
    trial.network.to(device).to(memory_format=torch.channels_last)
    module = TrainingModule(trial, Timetable(recipe=recipe))
    module.train()
    batches = iter(training_loader(training, trial, replace(recipe, workers=0)))
    reading, computing = [], []
    for _ in range(1 + _STEPS):
        began = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            break
        read = time.monotonic()
        mixed = torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(recipe))
        with mixed, frozen(trial.network, recipe):
            loss = module.loss(batch.to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        float(loss.detach())
        reading.append((read - began) / len(batch.images))
        computing.append((time.monotonic() - read) / len(batch.images))
    workers = min(recipe.workers, usable_cores() - 1) if device.type == "cpu" else recipe.workers
    reads, computes = min(reading), min(computing)
    seconds = max(reads / workers, computes) if workers else reads + computes
    return recipe.epochs * recipe.repeats * len(training) * seconds / 60
