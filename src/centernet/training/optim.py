"""Optimisers and how their learning rate moves."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from centernet.recipes.recipe import Recipe

_Groups = Iterable[dict[str, Any]]

OPTIMIZERS: dict[str, Callable[[_Groups, Recipe], Optimizer]] = {
    "adamw": lambda groups, recipe: AdamW(groups, lr=recipe.lr),
    "adam": lambda groups, recipe: Adam(groups, lr=recipe.lr),
    "sgd": lambda groups, recipe: SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0
    ),
}


def build_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The optimiser of a recipe; biases and normalisation do not decay."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)


def build_schedule(optimizer: Optimizer, recipe: Recipe, steps_per_epoch: int) -> LambdaLR:
    """The learning rate at every step: a linear rise, then cosine to a hundredth, or division by ten."""
    warmup = recipe.warmup_epochs * steps_per_epoch
    fall = FALLS[recipe.schedule]

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / (warmup + 1))
        return rise * fall(recipe, step / steps_per_epoch)

    return LambdaLR(optimizer, factor)


def _cosine(recipe: Recipe, epoch: float) -> float:
    done = min(1.0, epoch / recipe.epochs)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2


def _step(recipe: Recipe, epoch: float) -> float:
    return float(0.1 ** sum(epoch >= step for step in recipe.lr_steps))


FALLS: dict[str, Callable[[Recipe, float], float]] = {"cosine": _cosine, "step": _step}


def ema_average(decay: float) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Moving average whose memory grows to `decay`, so that the random start is soon forgotten."""

    def average(averaged: torch.Tensor, current: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        if not averaged.is_floating_point():
            return current
        kept = min(decay, (1 + float(count)) / (10 + float(count)))
        return averaged.lerp(current, 1 - kept)

    return average
