"""False discovery rates at low IoU, by hand."""

import math
from typing import Any

import pytest

from centernet.metrics.coco import evaluate_coco
from centernet.metrics.false_discovery import evaluate_false_discovery

GROUND_TRUTH: dict[str, Any] = {
    "images": [{"id": 1}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [{"image_id": 1, "category_id": 7, "bbox": [0, 0, 50, 10]}],
}


def result(x: float, score: float) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 7, "bbox": [x, 0, 50, 10], "score": score}


def test_a_box_counts_at_every_threshold_its_iou_reaches() -> None:
    # Shifted by 20 of 50 pixels: IoU 30/70, which reaches .05 to .40, eight of ten thresholds.
    found = evaluate_false_discovery(GROUND_TRUTH, [result(20, 0.9)])

    assert (found.fd5, found.fd25, found.fd50) == (0, 0, 1)
    assert found.fd == pytest.approx(0.2)


def test_a_false_box_with_a_higher_score_halves_the_precision() -> None:
    found = evaluate_false_discovery(GROUND_TRUTH, [result(500, 0.9), result(0, 0.8)])

    assert found.fd == found.fd5 == found.fd50 == pytest.approx(0.5)
    assert found.fd_small == pytest.approx(0.5)
    assert math.isnan(found.fd_large)


def test_at_iou_one_half_it_is_one_minus_ap50() -> None:
    results = [result(5, 0.7), result(90, 0.8)]

    assert evaluate_false_discovery(GROUND_TRUTH, results).fd50 == pytest.approx(
        1 - evaluate_coco(GROUND_TRUTH, results).ap50
    )
