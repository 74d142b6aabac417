"""Metrics as a table and as json."""

import math

from centernet.evaluation import Scores

SCORES = Scores(
    name="pets",
    metrics={"AP": 0.25, "AP_small": math.nan},
    classes=(
        {"name": "cat", "objects": 3, "AP": 0.5},
        {"name": "owl", "objects": 0, "AP": math.nan},
        {"name": "a long name", "objects": 1000, "AP": 0.0},
    ),
)


def test_the_table_lines_up_and_ends_with_the_whole() -> None:
    assert str(SCORES).splitlines() == [
        "pets",
        "",
        "name         objects     AP",
        "───────────────────────────",
        "cat                3  0.500",
        "a long name     1000  0.000",
        "───────────────────────────",
        "all             1003  0.250",
        "1 classes without ground truth and detections are left out",
        "",
        "AP 0.250   AP_small –",
    ]


def test_json_has_every_class_and_none_instead_of_nan() -> None:
    assert SCORES.to_json() == {
        "name": "pets",
        "metrics": {"AP": 0.25, "AP_small": None},
        "classes": [
            {"name": "cat", "objects": 3, "AP": 0.5},
            {"name": "owl", "objects": 0, "AP": None},
            {"name": "a long name", "objects": 1000, "AP": 0.0},
        ],
        "notes": [],
    }


def test_scores_without_classes_are_printed_too() -> None:
    assert str(Scores(name="nothing", metrics={"AP": math.nan}, classes=())).endswith("AP –")
