"""Planted errors are given their cause, and the AP that they cost."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from centernet.metrics.coco_tables import BoxEngine, CocoBoxes
from centernet.metrics.error_causes import error_causes

RIGHT, HALF, NOWHERE = (0, 0, 100, 100), (50, 0, 100, 100), (500, 0, 100, 100)
"""IoU of the second with the first is 1/3."""

CAT, DOG = 0, 1
Row = tuple[int, tuple[int, int, int, int], int, float]


def causes(found: Sequence[Row], images_with_a_cat: Sequence[int] = range(6)) -> dict[str, tuple[int, float]]:
    """Count and lost AP50 by cause, rounded; each of six images has a cat unless others are given."""
    data = CocoBoxes(
        category_ids=(7, 3),
        names=("cat", "dog"),
        image_ids=range(10),
        images=np.array(images_with_a_cat, dtype=np.int64),
        labels=np.full(len(images_with_a_cat), CAT),
        boxes=np.array([RIGHT] * len(images_with_a_cat), dtype=float).reshape(-1, 4),
        areas=np.full(len(images_with_a_cat), 1e4),
        is_crowd=np.zeros(len(images_with_a_cat), dtype=bool),
        found_images=np.array([image for image, _, _, _ in found], dtype=np.int64),
        found_labels=np.array([label for _, _, label, _ in found], dtype=np.int64),
        found_boxes=np.array([box for _, box, _, _ in found], dtype=float).reshape(-1, 4),
        scores=np.array([score for _, _, _, score in found], dtype=float),
    )
    return {one.name: (one.count, round(one.lost_ap50, 4)) for one in error_causes(BoxEngine(data))}


def right(images: Sequence[int]) -> list[Row]:
    return [(image, RIGHT, CAT, 0.9) for image in images]


NOTHING = dict.fromkeys(
    ("classification", "localisation", "both", "duplicate", "background", "missed"), (0, 0.0)
)
A_SIXTH = round(17 / 101, 4)
"""With five of six cats found, recalls from 0.84 on are not reached: 17 of 101."""


def test_right_detections_have_no_cause_and_lose_nothing() -> None:
    assert causes(right(range(6))) == NOTHING


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ([], {"missed": (1, A_SIXTH)}),
        ([(5, RIGHT, DOG, 0.8)], {"classification": (1, A_SIXTH)}),
        ([(5, HALF, CAT, 0.8)], {"localisation": (1, A_SIXTH)}),
        ([(5, HALF, DOG, 0.8)], {"both": (1, 0.0), "missed": (1, A_SIXTH)}),
        ([(5, RIGHT, CAT, 0.8), (5, RIGHT, CAT, 0.7)], {"duplicate": (1, 0.0)}),
        ([(5, RIGHT, CAT, 0.8), (5, NOWHERE, CAT, 0.7)], {"background": (1, 0.0)}),
    ],
)
def test_a_planted_error_has_its_cause_alone(
    planted: list[Row], expected: dict[str, tuple[int, float]]
) -> None:
    assert causes([*right(range(5)), *planted]) == {**NOTHING, **expected}


def test_a_false_detection_with_the_highest_score_costs_a_seventh() -> None:
    found = [*right(range(6)), (8, NOWHERE, CAT, 0.95)]

    # Precision is 6/7 at every recall.
    assert causes(found) == {**NOTHING, "background": (1, round(1 / 7, 4))}


def test_two_detections_beside_an_object_explain_it_once() -> None:
    found = [*right(range(5)), (5, HALF, CAT, 0.4), (5, HALF, CAT, 0.3)]

    assert causes(found) == {**NOTHING, "localisation": (2, A_SIXTH)}


def test_without_objects_every_detection_is_background_and_no_ap_can_be_lost() -> None:
    found = causes([(0, RIGHT, CAT, 0.9)], images_with_a_cat=())

    assert found["background"][0] == 1
    assert all(math.isnan(lost) for _, lost in found.values())
