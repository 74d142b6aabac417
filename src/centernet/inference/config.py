"""The parts of `config.json` that need no network: resize rule and classes. Every value is checked first."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from centernet.errors import UsageError, check_bounds
from centernet.geometry.resize import RULES, ResizeRule
from centernet.structures import Categories, Skeleton

_MOST_CLASSES = 100_000
"""Classes, and keypoints of a class, beyond which a config is not read."""


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
        skeleton and checked(Skeleton, settings_of(skeleton)) for skeleton in entry.get("skeletons", ())
    )
    if len(entry["names"]) > _MOST_CLASSES:
        raise ValueError(f"there are {len(entry['names'])} classes")
    if any(isinstance(one, int) and abs(one) >= 2**63 for one in entry["ids"]):
        raise ValueError("an id of a class has more than 64 bits")
    values = {"names": tuple(entry["names"]), "ids": tuple(entry["ids"]), "skeletons": skeletons}
    return checked(Categories, values)


def build(classes: Mapping[str, type], entry: Mapping[str, Any]) -> Any:
    """An object of the class that an entry names, with the settings in it."""
    values = settings_of(entry)
    name = values.pop("name")
    if name not in classes:
        raise ValueError(
            f"{name} is not in this library: build it, and load its weights with centernet.weights.fill"
        )
    return checked(classes[name], values)


def checked(cls: type, values: Mapping[str, Any]) -> Any:
    """An object of a dataclass, of whose fields each has the type that the class states, within its bounds.

    Raises:
        ValueError: A value of another type, or a number out of bounds.
        TypeError: A field that the class does not have, or lacks.
    """
    types = get_type_hints(cls)
    for item in fields(cls):
        if item.name in values and not _fits(values[item.name], types[item.name]):
            given = repr(values[item.name])[:60]
            raise ValueError(f"{item.name} of {cls.__name__} is {given}, which is no {types[item.name]}")
    try:
        check_bounds(**{key: value for key, value in values.items() if key != "ids"})
    except UsageError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error
    return cls(**values)


def _fits(value: Any, kind: Any) -> bool:
    """True if a value of json, with tuples in place of lists, is of a type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = arguments[:1] * len(value) if arguments[1:] == (...,) else arguments
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(one, arguments[1]) for one in value.values())
    if origin is Literal:
        return value in arguments
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (bool, str, NoneType) else True


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
