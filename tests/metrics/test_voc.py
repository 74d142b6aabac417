"""VOC's average precision, by hand and by published results."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.metrics.voc import VocMetrics, evaluate_voc
from centernet.structures import Annotations, Categories

CATEGORIES = Categories.of("cat", "dog")


def make_ground_truth(boxes: list[list[float]], labels: list[int] | None = None) -> Annotations:
    return Annotations.of(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(labels or [0] * len(boxes), dtype=np.int64),
    )


def make_found(boxes: list[list[float]], scores: list[float], labels: list[int] | None = None) -> Detections:
    return Detections(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels or [0] * len(boxes), dtype=np.int64),
        categories=CATEGORIES,
        name="image",
        image_size=(100, 100),
    )


LEFT, RIGHT, NOWHERE = [0.0, 0, 9, 9], [50.0, 0, 59, 9], [0.0, 50, 9, 59]


def test_a_right_then_a_wrong_then_a_right_detection_by_hand() -> None:
    found = make_found([LEFT, NOWHERE, RIGHT], [0.9, 0.8, 0.7])
    cat = evaluate_voc([(make_ground_truth([LEFT, RIGHT]), found)], CATEGORIES).classes[0]

    assert cat.recall.tolist() == [0.5, 0.5, 1]
    assert cat.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3])
    assert cat.ap_area == pytest.approx(0.5 + 0.5 * 2 / 3)
    # Recalls 0 to 0.5 have precision 1, 0.6 to 1 have 2/3.
    assert cat.ap_11point == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_the_best_detection_of_an_object_is_right_and_the_second_is_wrong() -> None:
    found = make_found([LEFT, LEFT], [0.5, 0.6])
    cat = evaluate_voc([(make_ground_truth([LEFT]), found)], CATEGORIES).classes[0]

    assert cat.precision.tolist() == [1, 0.5]
    assert cat.recall.tolist() == [1, 1]


def test_detections_of_ignored_objects_count_neither_way() -> None:
    ground_truth = make_ground_truth([LEFT, RIGHT])
    ground_truth.is_crowd[1] = True
    found = make_found([RIGHT, RIGHT, LEFT], [0.9, 0.8, 0.7])
    cat = evaluate_voc([(ground_truth, found)], CATEGORIES).classes[0]

    assert (cat.objects, cat.detections) == (1, 3)
    assert cat.ap_area == cat.ap_11point == 1


def test_another_class_or_image_never_matches() -> None:
    pairs = [
        (make_ground_truth([LEFT]), make_found([LEFT], [0.9], [1])),
        (make_ground_truth([]), make_found([LEFT], [0.8])),
    ]
    metrics = evaluate_voc(pairs, CATEGORIES)

    assert metrics.classes[0].ap_area == 0
    assert math.isnan(metrics.classes[1].ap_area)
    assert metrics.classes[1].detections == 1


def test_the_width_counts_both_border_pixels() -> None:
    # 10 pixels against the first 5 of them: exactly half, which a plain difference of corners would miss.
    found = make_found([[0, 0, 4, 9]], [0.9])
    metrics = evaluate_voc([(make_ground_truth([LEFT]), found)], CATEGORIES)

    assert metrics.ap_area == 1


def test_classes_without_objects_are_left_out_of_the_mean() -> None:
    metrics = evaluate_voc([(make_ground_truth([LEFT]), make_found([LEFT], [0.9]))], CATEGORIES)

    assert metrics.to_dict() == {"VOC_AP_area": 1.0, "VOC_AP_11point": 1.0}


@pytest.mark.parametrize("found", [make_found([], []), make_found([NOWHERE], [0.9])], ids=["none", "wrong"])
def test_nothing_right_scores_zero(found: Detections) -> None:
    metrics = evaluate_voc([(make_ground_truth([LEFT]), found)], CATEGORIES)

    assert metrics.to_dict() == {"VOC_AP_area": 0.0, "VOC_AP_11point": 0.0}


def test_no_images_have_no_score() -> None:
    assert math.isnan(evaluate_voc([], CATEGORIES).ap_area)


@pytest.mark.parametrize("iou", ["0.1", "0.3", "0.5", "0.75"])
def test_published_results_get_their_published_score(real_data: Path, iou: str) -> None:
    folder = real_data / "eval_fixtures" / "voc_ap"
    expected = json.loads((folder / "expected_ap.json").read_text())
    metrics = evaluate_published(folder, float(iou))

    assert metrics.ap_11point == pytest.approx(expected["11point"][iou], abs=1e-9)
    assert metrics.ap_area == pytest.approx(expected["everypoint"][iou], abs=1e-9)


def evaluate_published(folder: Path, iou: float) -> VocMetrics:
    pairs = []
    for file in sorted((folder / "gts").glob("*.txt")):
        ground_truth = np.loadtxt(file, usecols=(1, 2, 3, 4), ndmin=2)
        found = np.loadtxt(folder / "dets" / file.name, usecols=(1, 2, 3, 4, 5), ndmin=2)
        ground_truth[:, 2:] += ground_truth[:, :2]
        found[:, 3:] += found[:, 1:3]
        pairs.append(
            (
                make_ground_truth(ground_truth.tolist()),
                make_found(found[:, 1:].tolist(), found[:, 0].tolist()),
            )
        )
    return evaluate_voc(pairs, CATEGORIES, iou)
