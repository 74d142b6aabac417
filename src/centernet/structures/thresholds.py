"""Scores from which detections count: those of best F1, which a validation finds and the weights keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

FIXED = 0.3
"""The score from which detections count where nothing better is known."""


@dataclass(frozen=True)
class Thresholds:
    """The score of best F1, 0 to 1: of all classes together, and of each.

    Attributes:
        overall: Of all classes; None if it is not known.
        classes: Of each class by label, None for one whose objects were too few to tell; empty if none is
            known.
    """

    overall: float | None = None
    classes: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        for score in (self.overall, *self.classes):
            if score is not None and not 0 <= score <= 1:
                raise ValueError(f"thresholds are scores from 0 to 1; got {score}")

    def scores(self, num_classes: int) -> Float[np.ndarray, " c"]:
        """The score from which detections of each class count: its own, else that of all, else `FIXED`."""
        rest = FIXED if self.overall is None else self.overall
        own = self.classes if len(self.classes) == num_classes else (None,) * num_classes
        return np.array([rest if score is None else score for score in own], dtype=np.float64)

    def scaled(self, temperature: float, bias: float = 0.0) -> "Thresholds":
        """The same places among scores that become `sigmoid(logit(score) / temperature + bias)`."""

        def moved(score: float | None) -> float | None:
            if score is None or not 0 < score < 1:
                return score
            return round(float(1 / (1 + np.exp(-np.log(score / (1 - score)) / temperature - bias))), 4)

        return Thresholds(moved(self.overall), tuple(map(moved, self.classes)))

    def to_json(self) -> dict[str, Any]:
        """The entry `threshold` of `config.json`."""
        return {"all": self.overall, "classes": list(self.classes)}

    @classmethod
    def of_json(cls, entry: Any, num_classes: int) -> "Thresholds":
        """From the entry of a config; None where a config has none.

        Raises:
            ValueError: It is no such entry.
        """
        if entry is None:
            return cls()
        if not isinstance(entry, Mapping) or not isinstance(entry.get("classes", []), list):
            raise ValueError("threshold holds no numbers 'all' and 'classes'")
        overall, classes = entry.get("all"), tuple(entry.get("classes", []))
        if len(classes) not in (0, num_classes):
            raise ValueError(f"threshold has {len(classes)} classes of {num_classes}")
        for score in (overall, *classes):
            if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
                raise ValueError(f"threshold holds {score!r}, which is not a number")
        first, *rest = (None if score is None else float(score) for score in (overall, *classes))
        return cls(first, tuple(rest))


UNKNOWN = Thresholds()
"""Of weights that were never validated, or by an earlier version."""
