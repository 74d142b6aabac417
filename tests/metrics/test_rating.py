"""The best F1 and its score, counted by hand."""

import math

import numpy as np
import pytest

from centernet.metrics.rating import BestF1, Ratings, best_f1
from centernet.structures.thresholds import Thresholds


def best(scores: list[float], is_right: list[bool], num_objects: int) -> BestF1:
    return best_f1(np.array(scores, dtype=np.float64), np.array(is_right, dtype=bool), num_objects)


def test_the_best_f1_by_hand() -> None:
    # Kept 1: 2*1/(1+4). 2: 2*2/(2+4). 3: 2*2/(3+4). 4: 2*3/(4+4), the best. 5: 2*3/(5+4).
    found = best([0.9, 0.8, 0.7, 0.5, 0.3], [True, True, False, True, False], 4)

    assert found == BestF1(f1=0.75, threshold=0.4)


def test_detections_with_equal_scores_are_kept_together() -> None:
    # The right one of the two at 0.6 cannot be had alone.
    assert best([0.9, 0.6, 0.6, 0.2], [True, True, False, False], 2) == BestF1(f1=0.8, threshold=0.4)


def test_of_equal_f1_the_higher_threshold_is_taken() -> None:
    # 2*1/(1+1) at once; one more and one wrong give no more.
    assert best([0.8, 0.4], [True, False], 1).threshold == pytest.approx(0.6)


def test_without_a_right_detection_there_is_no_threshold() -> None:
    nothing = best([0.8, 0.4], [False, False], 3)

    assert math.isnan(nothing.f1)
    assert math.isnan(nothing.threshold)


def test_a_threshold_between_neighbouring_scores_is_not_rounded_past_them() -> None:
    threshold = best([0.50012, 0.50008], [True, False], 1).threshold

    assert 0.50008 < threshold <= 0.50012


def test_a_class_with_few_objects_has_no_threshold_of_its_own() -> None:
    scores = np.concatenate([np.full(20, 0.8), np.full(3, 0.4)])
    ratings = Ratings(
        scores=scores,
        is_right=np.ones(23, dtype=bool),
        labels=np.repeat([0, 1], [20, 3]),
        num_objects=np.array([20, 3]),
    )

    assert [one.threshold for one in ratings.best_of_classes] == [0.4, 0.2]
    assert ratings.thresholds == Thresholds(0.2, (0.4, None))
    assert ratings.thresholds.scores(2).tolist() == [0.4, 0.2]
