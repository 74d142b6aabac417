"""Makes the plan of a training: rules in their order, each on what those before it decided."""

from collections.abc import Callable, Mapping
from typing import Any

from centernet.planning import rules
from centernet.planning.machine import Machine
from centernet.planning.plan import Decision, Plan
from centernet.planning.rules import Facts
from centernet.planning.statistics import Statistics
from centernet.recipes.presets import PLANNED, RECIPES
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Dataset

RULES: tuple[Callable[[Facts], Decision | None], ...] = (
    rules.input_size,
    rules.batch_and_length,
    rules.rate,
    rules.augmentation,
    rules.losses,
    rules.crowded,
    rules.detections,
    rules.validation,
)
"""All rules, in their order. To add one, add it here."""

TASKS = ("detect", "pose")
"""Tasks that are planned."""


ARCHITECTURE = (
    "backbone",
    "channels",
    "head_channels",
    "regression_channels",
    "separable",
    "bgr",
    "mean",
    "std",
)
"""Settings that decide which weights fit."""


def is_planned(model: str, task: str) -> bool:
    """True if a plan decides how this model is trained for this task."""
    return model in PLANNED and task in TASKS


def make_plan(dataset: Dataset, model: str, chosen: Mapping[str, Any], weights: Mapping[str, str]) -> Plan:
    """The plan of a training.

    Args:
        dataset: The cleaned training images.
        model: A planned model.
        chosen: Settings that were chosen by hand.
        weights: Weights that come along to begin from, by the name of the network they fit.

    Raises:
        UsageError: A setting is unknown, or has an impossible value.
    """
    statistics = Statistics.of(dataset)
    machine = Machine.here(with_settings(Recipe(), **chosen).device)
    decisions = [_network(model, machine)]
    network = str(decisions[0].settings["model"])
    recipe = with_settings(RECIPES[network](), **chosen)
    if start := _start(recipe, RECIPES[network](), weights.get(network, ""), chosen):
        decisions.append(start)
        recipe = with_settings(recipe, **start.settings)
    for rule in RULES:
        facts = Facts(
            dataset=dataset,
            statistics=statistics,
            machine=machine,
            network=network,
            recipe=recipe,
            chosen=frozenset(chosen),
        )
        decision = rule(facts)
        if decision is None:
            continue
        decisions.append(decision)
        used = {key: value for key, value in decision.settings.items() if key not in chosen}
        recipe = with_settings(recipe, **used)
    return Plan(
        statistics=statistics,
        machine=machine,
        network=network,
        decisions=tuple(decisions),
        chosen=dict(chosen),
        recipe=recipe,
    )


def _network(model: str, machine: Machine) -> Decision:
    """The network: of `auto`, the one whose training is affordable."""
    if model != "auto":
        return Decision(settings={"model": model}, because="as you chose")
    if machine.has_gpu:
        return Decision(settings={"model": "small"}, because="a GPU has the time for it")
    return Decision(
        settings={"model": "nano"}, because="on processors more images teach more than a larger network"
    )


def _start(recipe: Recipe, network: Recipe, weights: str, chosen: Mapping[str, Any]) -> Decision | None:
    """The weights to begin from, if there are some for this network and nothing else was chosen."""
    is_same = all(getattr(recipe, key) == getattr(network, key) for key in ARCHITECTURE)
    if not weights or not is_same or recipe.pretrained or "start" in chosen:
        return None
    return Decision(
        settings={"start": weights}, because="it has learned from generated images where objects end"
    )
