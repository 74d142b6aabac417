"""Thresholds of weights: what holds for each class, and what a config may say."""

import numpy as np
import pytest

from centernet.structures.thresholds import FIXED, UNKNOWN, Thresholds


def test_a_class_without_a_threshold_has_that_of_all_and_unknown_ones_the_fixed_one() -> None:
    assert Thresholds(0.4, (0.2, None)).scores(2).tolist() == [0.2, 0.4]
    assert UNKNOWN.scores(2).tolist() == [FIXED, FIXED]


def test_a_temperature_moves_thresholds_as_it_moves_scores() -> None:
    assert Thresholds(0.2, (0.5, None, 1.0)).scaled(2.0) == Thresholds(0.3333, (0.5, None, 1.0))
    assert Thresholds(0.2).scaled(1.0, np.log(4)).overall == 0.5
    assert UNKNOWN.scaled(2.0) == UNKNOWN


def test_thresholds_are_written_and_read() -> None:
    some = Thresholds(0.4, (0.2, None))

    assert Thresholds.of_json(some.to_json(), 2) == some
    assert Thresholds.of_json(None, 2) == UNKNOWN


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (0.3, "no numbers"),
        ({"all": "high"}, "'high', which is not a number"),
        ({"all": 0.3, "classes": 0.2}, "no numbers"),
        ({"all": 0.3, "classes": [0.2]}, "1 classes of 2"),
        ({"all": 7}, "scores from 0 to 1; got 7.0"),
        ({"all": float("nan")}, "scores from 0 to 1; got nan"),
        ({"all": True}, "True, which is not a number"),
    ],
)
def test_a_broken_entry_of_a_config_is_named(entry: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Thresholds.of_json(entry, 2)
