"""Calibration of scores: how far they are from the precision of the detections that have them.

Expected calibration error: Guo et al. 2017, "On Calibration of Modern Neural Networks", sec. 2. Of detections
it is the D-ECE of Küppers et al. 2020, "Multivariate Confidence Calibration for Object Detection", sec. 3,
with the score as the only variable and IoU 0.5. It is not the LaECE of Oksuz et al. 2023, "Towards Building
Self-Aware Object Detectors", which takes the mean over classes and multiplies precision by IoU. The
temperature is that of Guo et al., sec. 4.2, for a sigmoid, with the bias of Platt 1999, "Probabilistic
Outputs for Support Vector Machines", sec. 2.2: where few of many candidates are right, scores need one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from centernet.metrics.rating import Ratings

MIN_SCORE = 0.05
"""Detections with a lower score do not count in the error: there may be any number of them."""

_NUM_BINS = 10

_LIMIT = 5.0
"""The largest temperature and bias that are fitted, and one over the smallest temperature."""

_MAX_FITTED = 20_000
"""Of more than twice as many detections the fit takes a part."""

_SMALL = 1e-3
"""Weight of the squares of the bias and of the logarithm of the temperature."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Scores of detections, and whether they are right, all classes together.

    Attributes:
        scores: Scores from 0.01 on.
        is_right: True for detections that match an object of their class at IoU 0.5.
    """

    scores: Float[np.ndarray, " n"]
    is_right: Bool[np.ndarray, " n"]

    @classmethod
    def of(cls, ratings: Ratings) -> "Calibration":
        """The calibration of rated detections."""
        return cls(scores=ratings.scores, is_right=ratings.is_right)

    @property
    def bins(self) -> list[dict[str, int | float]]:
        """For each tenth in which scores from 0.05 on lie: `count`, `precision` and `mean_score`."""
        counted = self.scores >= MIN_SCORE
        scores, is_right = self.scores[counted], self.is_right[counted]
        places = np.minimum((scores * _NUM_BINS).astype(np.int64), _NUM_BINS - 1)
        return [
            {
                "count": int((places == place).sum()),
                "precision": float(is_right[places == place].mean()),
                "mean_score": float(scores[places == place].mean()),
            }
            for place in np.unique(places)
        ]

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1: |precision − mean score| of the bins, weighted by their counts.

        NaN without detections.
        """
        bins = self.bins
        total = sum(one["count"] for one in bins)
        gaps = sum(one["count"] * abs(one["precision"] - one["mean_score"]) for one in bins)
        return gaps / total if total else math.nan

    def scaling(self) -> tuple[float, float]:
        """Temperature T and bias b of `sigmoid(logit(score) / T + b)` with the least negative log-likelihood.

        T is from 0.2 to 5 and b from -5 to 5; 1 and 0 unless there are right and wrong detections.
        """
        if self.is_right.all() or not self.is_right.any():
            return 1.0, 0.0
        step = max(1, len(self.scores) // _MAX_FITTED)
        scores = self.scores[::step].clip(1e-6, 1 - 1e-6)
        logits, sign = np.log(scores / (1 - scores)), np.where(self.is_right[::step], 1.0, -1.0)

        def loss(log_t: float, bias: float) -> float:
            # The likelihood of a detection is the sigmoid of its logit, with the sign turned if it is wrong.
            unlikely = np.logaddexp(0, -sign * (logits * math.exp(-log_t) + bias)).sum()
            # Of equally likely ones the smallest change.
            return float(unlikely) + _SMALL * (log_t**2 + bias**2)

        def best_bias(log_t: float) -> float:
            return _least(lambda bias: loss(log_t, bias), -_LIMIT, _LIMIT)

        log_t = _least(lambda log_t: loss(log_t, best_bias(log_t)), -math.log(_LIMIT), math.log(_LIMIT))
        return math.exp(log_t), best_bias(log_t)


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is least, by golden-section search."""
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return (low + high) / 2
