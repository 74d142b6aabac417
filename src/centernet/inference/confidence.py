"""The score from which detections of each class count: `conf`, or the thresholds of the weights."""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float

from centernet.errors import UsageError, listed
from centernet.structures import Categories
from centernet.structures.thresholds import Thresholds

Confidence = int | float | str | Mapping[str, float] | None
"""A minimum score: one for all classes; for each by name, `a:0.2,b:0.4` or a mapping; None for the best."""


def min_scores(conf: Confidence, categories: Categories, thresholds: Thresholds) -> Float[np.ndarray, " c"]:
    """The minimum score of each class.

    Args:
        conf: As it was given. Classes that it does not name have those of the weights, or the number in it
            that stands alone, `0.3,b:0.4`.
        categories: Classes of the detector.
        thresholds: Those of the weights.

    Raises:
        UsageError: A number is no score, or the detector has no such class.
    """
    scores = thresholds.scores(len(categories))
    if conf is None:
        return scores
    if not isinstance(conf, str | Mapping):
        return np.full(len(scores), _score(conf, ""))
    by_name = _read(conf) if isinstance(conf, str) else conf
    if "" in by_name:
        scores[:] = _score(by_name[""], "")
    for name, score in by_name.items():
        if not name:
            continue
        labels = [label for label, known in enumerate(categories.names) if known == name]
        if not labels:
            close = get_close_matches(name, categories.names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {listed(categories.names)}"
            raise UsageError(f"conf names the class {name!r}, which the detector does not know: {hint}")
        scores[labels] = _score(score, name)
    return scores


def _read(text: str) -> Mapping[str, float | str]:
    """Minimum scores by class from `a:0.2,b:0.4`; that of all others has no name."""
    scores: dict[str, float | str] = {}
    for part in text.split(","):
        name, _, score = part.rpartition(":")
        scores[name.strip()] = score.strip()
    return scores


def _score(value: int | float | str, name: str) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = -1.0
    if not 0 <= score <= 1:
        where = f" of {name}" if name else ""
        raise UsageError(f"conf{where} is a score from 0 to 1; got {value}")
    return score
