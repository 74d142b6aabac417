"""Calibration of scores, counted by hand."""

import math

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.metrics.calibration import Calibration
from centernet.metrics.rating import rate
from centernet.structures import Annotations, Categories

CATEGORIES = Categories.of("cat", "dog")
LEFT, RIGHT, NOWHERE = [0.0, 0, 10, 10], [50.0, 0, 60, 10], [0.0, 50, 10, 60]


def make_ground_truth(boxes: list[list[float]], labels: list[int]) -> Annotations:
    return Annotations.of(np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(labels, dtype=np.int64))


def make_found(boxes: list[list[float]], scores: list[float], labels: list[int]) -> Detections:
    return Detections(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        categories=CATEGORIES,
        name="image",
        image_size=(100, 100),
    )


def evaluate_calibration(pairs: list[tuple[Annotations, Detections]]) -> Calibration:
    return Calibration.of(rate(pairs, len(CATEGORIES)))


def rated(scores: list[float], is_right: list[bool]) -> Calibration:
    return Calibration(scores=np.array(scores), is_right=np.array(is_right, dtype=bool))


def drawn(temperature: float, count: int = 20_000) -> Calibration:
    """Scores whose logits are those of the true probabilities times a temperature."""
    generator = np.random.default_rng(0)
    logits = generator.normal(-0.5, 1.5, count)
    is_right = generator.random(count) < 1 / (1 + np.exp(-logits))
    scores = 1 / (1 + np.exp(-logits * temperature))
    return Calibration(scores=scores[scores >= 0.01], is_right=is_right[scores >= 0.01])


def test_a_detection_is_right_if_it_matches_an_object_of_its_class_that_is_free() -> None:
    ground_truth = make_ground_truth([LEFT, RIGHT], [0, 1])
    found = make_found([LEFT, LEFT, RIGHT, NOWHERE], [0.6, 0.7, 0.5, 0.4], [0, 0, 0, 1])
    calibration = evaluate_calibration([(ground_truth, found)])

    # The better of two at one object; a cat where the dog is; nothing.
    assert calibration.scores.tolist() == pytest.approx([0.6, 0.7, 0.5, 0.4])
    assert calibration.is_right.tolist() == [False, True, False, False]


def test_a_detection_of_another_class_takes_no_object() -> None:
    found = make_found([LEFT, LEFT], [0.9, 0.5], [1, 0])

    assert evaluate_calibration([(make_ground_truth([LEFT], [0]), found)]).is_right.tolist() == [False, True]


def test_detections_in_a_crowd_region_are_left_out() -> None:
    ground_truth = make_ground_truth([LEFT, RIGHT], [0, 0])
    ground_truth.is_crowd[0] = True
    found = make_found([LEFT, LEFT, RIGHT], [0.9, 0.8, 0.7], [0, 1, 0])

    # The second is of another class than the crowd.
    assert evaluate_calibration([(ground_truth, found)]).scores.tolist() == pytest.approx([0.8, 0.7])


def test_the_error_by_hand() -> None:
    # Tenth from 0.2: one of two is right, mean 0.25. Tenth from 0.9: both, mean 0.95. 0.04 does not count.
    calibration = rated([0.21, 0.29, 0.9, 1.0, 0.04], [True, False, True, True, False])

    assert calibration.error == pytest.approx((2 * (0.5 - 0.25) + 2 * (1 - 0.95)) / 4)
    assert [one["count"] for one in calibration.bins] == [2, 2]


def test_scores_that_are_probabilities_have_next_to_no_error() -> None:
    assert drawn(1.0).error < 0.02
    assert drawn(3.0).error > 0.08


def test_without_detections_there_is_no_error() -> None:
    calibration = evaluate_calibration([(make_ground_truth([LEFT], [0]), make_found([], [], []))])

    assert math.isnan(calibration.error)
    assert calibration.bins == []
    assert calibration.scaling() == (1, 0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("bias", [-2.0, 0.0, 1.0])
def test_what_made_scores_extreme_or_moved_them_is_found(temperature: float, bias: float) -> None:
    made = drawn(1.0)
    logits = np.log(made.scores / (1 - made.scores))
    moved = 1 / (1 + np.exp(-temperature * (logits - bias)))
    calibration = Calibration(scores=moved, is_right=made.is_right)

    assert calibration.scaling() == pytest.approx((temperature, bias), rel=0.05, abs=0.1)


def test_scores_after_the_fit_are_probabilities() -> None:
    # Two thirds of those at 0.9 and none of a hundred at 0.5 are right: no temperature alone does that.
    scores, is_right = np.array([0.9] * 30 + [0.5] * 100), np.array([True] * 20 + [False] * 110)
    temperature, bias = Calibration(scores=scores, is_right=is_right).scaling()
    fitted = 1 / (1 + np.exp(-np.log(scores / (1 - scores)) / temperature - bias))

    assert fitted[0] == pytest.approx(2 / 3, abs=0.02)
    assert fitted[-1] < 0.01


def test_detections_that_are_all_right_or_all_wrong_tell_no_temperature() -> None:
    assert rated([0.3, 0.9], [True, True]).scaling() == (1, 0)
    assert rated([0.3, 0.9], [False, False]).scaling() == (1, 0)


def test_a_temperature_stays_within_its_limits() -> None:
    assert rated([0.6, 0.4], [True, False]).scaling()[0] == pytest.approx(0.2, abs=1e-3)
    assert rated([0.4, 0.6], [True, False]).scaling()[0] == pytest.approx(5, abs=1e-2)
