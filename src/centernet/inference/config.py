"""What `config.json` says about images and classes, which no network is needed for."""

from collections.abc import Mapping
from typing import Any

from centernet.geometry.resize import RULES, ResizeRule
from centernet.structures import Categories, Skeleton


def rule_of(entry: Mapping[str, Any]) -> ResizeRule:
    """How images are shown, from the part `resize` of a config."""
    rule: ResizeRule = build(RULES, entry)
    return rule


def categories_of(entry: Mapping[str, Any]) -> Categories:
    """What labels mean, from the part `categories` of a config."""
    skeletons = tuple(
        skeleton and Skeleton(**{key: _tuples(value) for key, value in skeleton.items()})
        for skeleton in entry.get("skeletons", ())
    )
    return Categories(tuple(entry["names"]), tuple(entry["ids"]), skeletons)


def top_k_of(entry: Mapping[str, Any]) -> int:
    """Detections for each image, from the part `task` of a config."""
    return int(entry["top_k"]) if "top_k" in entry else top_k_of(entry["inner"])


def build(kinds: Mapping[str, type], entry: Mapping[str, Any]) -> Any:
    """The thing that an entry names and gives the settings of."""
    values = settings_of(entry)
    name = values.pop("name")
    if name not in kinds:
        raise ValueError(
            f"{name} is not in this library: build it, and load its weights with centernet.weights.fill"
        )
    return kinds[name](**values)


def settings_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it was before it went through json."""
    return {key: _tuples(value) for key, value in entry.items()}


def _tuples(value: Any) -> Any:
    """Lists of a json file are tuples here, at any depth."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
