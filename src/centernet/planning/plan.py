"""The plan of a training: settings, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from centernet.planning.machine import Machine
from centernet.planning.statistics import Statistics
from centernet.recipes.recipe import Recipe

_MOST_CHOSEN = 16
"""Settings of the user that are shown; an `args.yaml` has them all."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Settings that are decided together.

    Attributes:
        settings: Values by the name of the setting.
        because: The reason, in a few words.
    """

    settings: Mapping[str, Any]
    because: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of a training.

    Attributes:
        statistics: The data.
        machine: The machine.
        network: Name of the network.
        decisions: In the order in which they are shown.
        chosen: Settings that the user chose, which overrule the decisions.
        recipe: The recipe with all of them.
    """

    statistics: Statistics
    machine: Machine
    network: str
    decisions: tuple[Decision, ...]
    chosen: Mapping[str, Any]
    recipe: Recipe

    def __str__(self) -> str:
        lines = [f"plan for {self.statistics}", f"on {self.machine}:"]
        for decision in self.decisions:
            left = {key: value for key, value in decision.settings.items() if key not in self.chosen}
            if left:
                lines.append(f"  {_typed(left):<44} {decision.because}")
        if self.chosen:
            shown = dict(list(self.chosen.items())[:_MOST_CHOSEN])
            more = len(self.chosen) - len(shown)
            lines.append(f"  {_typed(shown):<44} {f'and {more} more, ' if more else ''}as you chose")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "data": vars(self.statistics) | {"sizes": list(self.statistics.sizes)},
            "machine": vars(self.machine),
            "network": self.network,
            "decisions": [
                {"settings": dict(decision.settings), "because": decision.because}
                for decision in self.decisions
            ],
            "chosen": dict(self.chosen),
        }


def _typed(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_as_text(value)}" for key, value in settings.items())


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_as_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
