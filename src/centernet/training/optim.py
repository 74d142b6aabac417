"""Optimisers and learning rate schedules."""

import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from centernet.recipes.recipe import Recipe
from centernet.training.timetable import Timetable

_Groups = Iterable[dict[str, Any]]

OPTIMIZERS: dict[str, Callable[[_Groups, Recipe], Optimizer]] = {
    "adamw": lambda groups, recipe: AdamW(groups, lr=recipe.lr, fused=True),
    "adam": lambda groups, recipe: Adam(groups, lr=recipe.lr, fused=True),
    "sgd": lambda groups, recipe: SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    ),
}
"""By their name in a recipe. Fused, one call for all weights: a loop takes 2 % of a small network's step."""


def build_optimizer(network: nn.Module, recipe: Recipe, encoder: Collection[nn.Module] = ()) -> Optimizer:
    """The optimiser of a recipe; biases and normalisation layers have no weight decay.

    Args:
        network: The network, of which the weights with a gradient are trained.
        recipe: Settings of the training.
        encoder: The modules of the network that `lr_encoder` is for, if it is not 0.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    apart = {id(p) for module in encoder for p in module.parameters()} if recipe.lr_encoder else set()
    # The groups at the rate `lr` come first: the run's table shows the rate of the first group.
    groups = _groups([p for p in parameters if id(p) not in apart], recipe, recipe.lr)
    if apart:
        groups += _groups([p for p in parameters if id(p) in apart], recipe, recipe.lr_encoder)
    return OPTIMIZERS[recipe.optimizer](groups, recipe)


def _groups(parameters: Collection[nn.Parameter], recipe: Recipe, lr: float) -> list[dict[str, Any]]:
    return [
        {
            "params": [p for p in parameters if p.ndim > 1],
            "weight_decay": recipe.weight_decay,
            "lr": lr,
        },
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, "lr": lr},
    ]


def build_schedule(optimizer: Optimizer, timetable: Timetable) -> LambdaLR:
    """The learning rate at every step: linear warm-up, then cosine to a hundredth or division by ten.

    Each group of weights has its own largest rate, and all have the same factor of it.
    """
    recipe = timetable.recipe
    warmup = recipe.warmup_epochs * timetable.steps_per_epoch
    decay = SCHEDULES[recipe.schedule]

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / (warmup + 1))
        return rise * decay(recipe, timetable.epoch(step))

    return LambdaLR(optimizer, factor)


def _cosine(recipe: Recipe, epoch: float) -> float:
    done = min(1.0, epoch / recipe.epochs)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2


def _step(recipe: Recipe, epoch: float) -> float:
    return float(0.1 ** sum(epoch >= step for step in recipe.lr_steps))


SCHEDULES: dict[str, Callable[[Recipe, float], float]] = {"cosine": _cosine, "step": _step}
"""Factor of the learning rate at an epoch, by the name of the schedule in a recipe."""
