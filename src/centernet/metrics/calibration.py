"""Calibration of scores: how far they are from the precision of the detections that have them.

Expected calibration error: Guo et al. 2017, "On Calibration of Modern Neural Networks", sec. 2. Of detections
it is the D-ECE of Küppers et al. 2020, "Multivariate Confidence Calibration for Object Detection", sec. 3,
with the score as the only variable and IoU 0.5. It is not the LaECE of Oksuz et al. 2023, "Towards Building
Self-Aware Object Detectors", which takes the mean over classes and multiplies precision by IoU. The
temperature is that of Guo et al., sec. 4.2, for a sigmoid.
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
"""The largest temperature that is fitted, and one over the smallest: few images tell no more."""


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

    def temperature(self) -> float:
        """The T for which `sigmoid(logit(score) / T)` has the least negative log-likelihood, 0.2 to 5.

        1 unless there are right and wrong detections.
        """
        if self.is_right.all() or not self.is_right.any():
            return 1.0
        scores = self.scores.clip(1e-6, 1 - 1e-6)
        # The likelihood of a detection is the sigmoid of its logit, with the sign turned if it is wrong.
        logits = np.log(scores / (1 - scores)) * np.where(self.is_right, 1.0, -1.0)

        def loss(log_t: float) -> float:
            return float(np.logaddexp(0, -logits * math.exp(-log_t)).sum())

        return math.exp(_least(loss, -math.log(_LIMIT), math.log(_LIMIT)))


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is least, by golden-section search."""
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return (low + high) / 2
