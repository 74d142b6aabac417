"""The parts of `config.json` that need no network: resize rule and classes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from centernet.geometry.resize import RULES, ResizeRule
from centernet.structures import Categories, Skeleton


def rule_of(entry: Mapping[str, Any]) -> ResizeRule:
    """The resize rule, from the entry `resize` of a config."""
    rule: ResizeRule = build(RULES, entry)
    return rule


def entry_of_rule(rule: ResizeRule) -> dict[str, Any]:
    """The entry `resize` of a config, for a resize rule."""
    return {"name": name_of(rule, RULES), **asdict(rule)}


def categories_of(entry: Mapping[str, Any]) -> Categories:
    """The classes, from the entry `categories` of a config."""
    skeletons = tuple(
        skeleton and Skeleton(**{key: _tuples(value) for key, value in skeleton.items()})
        for skeleton in entry.get("skeletons", ())
    )
    return Categories(tuple(entry["names"]), tuple(entry["ids"]), skeletons)


def build(classes: Mapping[str, type], entry: Mapping[str, Any]) -> Any:
    """An object of the class that an entry names, with the settings in it."""
    values = settings_of(entry)
    name = values.pop("name")
    if name not in classes:
        raise ValueError(
            f"{name} is not in this library: build it, and load its weights with centernet.weights.fill"
        )
    return classes[name](**values)


def name_of(value: object, classes: Mapping[str, type]) -> str:
    """The name of the class of a value in `config.json`; for custom classes, module and class name."""
    cls = type(value)
    return next((name for name, known in classes.items() if cls is known), f"{cls.__module__}.{cls.__name__}")


def settings_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an entry as they were before json, with tuples in place of lists."""
    return {key: _tuples(value) for key, value in entry.items()}


def _tuples(value: Any) -> Any:
    """Lists as tuples, at any depth."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
