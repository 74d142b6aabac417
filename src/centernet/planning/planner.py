"""Makes the plan of a training: rules in their order, each on what those before it decided."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from centernet.planning import rules
from centernet.planning.machine import Machine
from centernet.planning.plan import Decision, Plan
from centernet.planning.rules import Facts
from centernet.planning.statistics import Statistics
from centernet.recipes.presets import PLANNED, RECIPES
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Dataset

Rule = Callable[[Facts], Decision | None]
"""From the facts to a decision; None if there is nothing to decide."""

RULES: tuple[Rule, ...] = (
    rules.input_size,
    rules.crops,
    rules.batch_and_length,
    rules.rate,
    rules.augmentation,
    rules.losses,
    rules.classes,
    rules.keypoints,
    rules.crowded,
    rules.detections,
    rules.validation,
)
"""All rules, in their order. To add one, add it here."""

FINE_TUNING = tuple(rule for rule in RULES if rule not in (rules.input_size, rules.losses, rules.crowded))
"""The rules for weights, whose maps and input size are given."""

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
    """The plan of a training of a network.

    Args:
        dataset: The cleaned training images.
        model: A planned model.
        chosen: Settings that were chosen by hand.
        weights: Weights that come along to begin from, by the name of the network they fit.

    Raises:
        UsageError: A setting is unknown, or has an impossible value.
    """
    machine = _machine(chosen)
    network = _network(model, machine)
    name = str(network.settings["model"])
    recipe = with_settings(RECIPES[name](), **chosen)
    decisions = [network]
    if start := _start(recipe, RECIPES[name](), weights.get(name, ""), chosen):
        decisions.append(start)
        recipe = with_settings(recipe, **start.settings)
    return _with_rules(RULES, _facts(dataset, machine, name, recipe, chosen), decisions, chosen)


def plan_fine_tuning(dataset: Dataset, model: str, base: Recipe, chosen: Mapping[str, Any]) -> Plan:
    """The plan of a training of weights, which keep their input size, maps and losses.

    Args:
        dataset: The cleaned training images.
        model: Name of the weights.
        base: The recipe of the weights.
        chosen: Settings that were chosen by hand.

    Raises:
        UsageError: A setting is unknown, or has an impossible value.
    """
    network = "nano" if base.backbone == "slim" else "small"
    decision = Decision(settings={"model": model}, because="its network, input size and maps go on")
    facts = _facts(dataset, _machine(chosen), network, with_settings(base, **chosen), chosen)
    return _with_rules(FINE_TUNING, facts, [decision], chosen)


def _machine(chosen: Mapping[str, Any]) -> Machine:
    return Machine.here(with_settings(Recipe(), **chosen).device)


def _facts(
    dataset: Dataset, machine: Machine, network: str, recipe: Recipe, chosen: Mapping[str, Any]
) -> Facts:
    return Facts(
        dataset=dataset,
        statistics=Statistics.of(dataset),
        machine=machine,
        network=network,
        recipe=recipe,
        chosen=frozenset(chosen),
    )


def _with_rules(
    rules_in_order: tuple[Rule, ...], facts: Facts, decisions: list[Decision], chosen: Mapping[str, Any]
) -> Plan:
    """The plan of the decisions so far and those of rules, each of which sees what those before decided."""
    model = str(decisions[0].settings["model"])
    for rule in rules_in_order:
        decision = rule(facts)
        if decision is not None:
            decisions.append(decision)
            left = {key: value for key, value in decision.settings.items() if key not in chosen}
            facts = replace(facts, recipe=with_settings(facts.recipe, **left))
    return Plan(
        statistics=facts.statistics,
        machine=facts.machine,
        network=model,
        decisions=tuple(decisions),
        chosen=dict(chosen),
        recipe=facts.recipe,
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
    has_own = recipe.pretrained not in ("auto", "false") or "start" in chosen
    if not weights or not is_same or has_own:
        return None
    return Decision(
        settings={"start": weights}, because="it has learned from generated images where objects end"
    )
