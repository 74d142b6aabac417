"""`conf`: one score, one for each class, or that of the weights."""

import pytest

from centernet.errors import UsageError
from centernet.inference.confidence import min_scores
from centernet.structures import Categories
from centernet.structures.thresholds import UNKNOWN, Thresholds

PETS = Categories.of("cat", "dog", "guinea pig: long-haired")
KNOWN = Thresholds(0.4, (0.2, None, 0.6))


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        (None, [0.2, 0.4, 0.6]),
        (0.5, [0.5, 0.5, 0.5]),
        (0, [0, 0, 0]),
        ("0.5", [0.5, 0.5, 0.5]),
        ("dog:0.9", [0.2, 0.9, 0.6]),
        ("dog:0.9, cat:0.1", [0.1, 0.9, 0.6]),
        ("0.5,cat:0.1", [0.1, 0.5, 0.5]),
        ("guinea pig: long-haired:0.3", [0.2, 0.4, 0.3]),
        ({"cat": 0.7}, [0.7, 0.4, 0.6]),
    ],
)
def test_a_class_has_the_score_given_for_it_else_that_of_the_weights(conf: object, expected: list) -> None:
    assert min_scores(conf, PETS, KNOWN).tolist() == expected


def test_weights_without_thresholds_have_a_fixed_one() -> None:
    assert min_scores(None, PETS, UNKNOWN).tolist() == [0.3, 0.3, 0.3]
    assert min_scores("cat:0.1", PETS, UNKNOWN).tolist() == [0.1, 0.3, 0.3]


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (2, "conf is a score from 0 to 1; got 2"),
        (float("nan"), "conf is a score from 0 to 1; got nan"),
        ("cat:high", "conf of cat is a score from 0 to 1; got high"),
        ("cat", "conf is a score from 0 to 1; got cat"),
        ("dogs:0.2", "names the class 'dogs', which the detector does not know: did you mean dog"),
        ({"horse": 0.2}, "'horse', which the detector does not know: there are cat, dog, guinea pig"),
    ],
)
def test_what_is_no_score_or_no_class_is_named(conf: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        min_scores(conf, PETS, KNOWN)
