"""PCK and distances of keypoints, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.metrics.pck import evaluate_pck
from centernet.structures import Annotations, Categories, Skeleton

CATEGORIES = Categories(
    names=("glue", "box", "mouse"),
    ids=(4, 9, 2),
    skeletons=(Skeleton(names=("tip", "end")), None, Skeleton(names=("nose", "neck", "tail"))),
)
SQUARE = [0.0, 0.0, 100.0, 50.0]


def make_ground_truth(keypoints: list, boxes: list | None = None, labels: list | None = None) -> Annotations:
    count = len(keypoints)
    return Annotations.of(
        np.array(boxes or [SQUARE] * count, dtype=np.float32),
        np.array(labels or [0] * count),
        np.array(keypoints, dtype=np.float32),
    )


def found(
    keypoints: list, boxes: list | None = None, labels: list | None = None, scores: list | None = None
) -> Detections:
    count = len(keypoints)
    return Detections(
        boxes=np.array(boxes or [SQUARE] * count, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores or [0.5] * count, dtype=np.float32),
        labels=np.array(labels or [0] * count, dtype=np.int64),
        categories=CATEGORIES,
        name="tube.jpg",
        image_size=(200, 200),
        keypoints=np.array(keypoints, dtype=np.float32).reshape(-1, 3, 3),
    )


UNLABELLED = [0, 0, 0]


def test_a_keypoint_is_right_within_a_fifth_of_the_longer_side() -> None:
    # The longer side is 100: 20 pixels are allowed.
    ground_truth = make_ground_truth([[[10, 10, 2], [60, 10, 1], UNLABELLED]])
    right = evaluate_pck([(ground_truth, found([[[22, 26, 1], [63, 14, 1], UNLABELLED]]))], CATEGORIES)
    wrong = evaluate_pck([(ground_truth, found([[[22.1, 26, 1], [63, 14, 1], UNLABELLED]]))], CATEGORIES)

    assert right.to_dict() == {"PCK": 1.0, "keypoint_error_px": pytest.approx(12.5)}
    assert wrong.to_dict()["PCK"] == 0.5


def test_another_tolerance_can_be_given() -> None:
    ground_truth, detections = (
        make_ground_truth([[[10, 10, 2], UNLABELLED, UNLABELLED]]),
        found([[[19, 10, 1], UNLABELLED, UNLABELLED]]),
    )

    assert evaluate_pck([(ground_truth, detections)], CATEGORIES, alpha=0.09).to_dict()["PCK"] == 1
    assert evaluate_pck([(ground_truth, detections)], CATEGORIES, alpha=0.08).to_dict()["PCK"] == 0


def test_only_labelled_keypoints_count() -> None:
    ground_truth, detections = (
        make_ground_truth([[[10, 10, 2], [0, 0, 0], UNLABELLED]]),
        found([[[10, 13, 1], [99, 99, 1], UNLABELLED]]),
    )
    metrics = evaluate_pck([(ground_truth, detections)], CATEGORIES)

    assert metrics.to_dict() == {"PCK": 1.0, "keypoint_error_px": 3.0}
    assert metrics.classes[0].keypoint_labelled.tolist() == [1, 0]
    assert np.isnan(metrics.classes[0].keypoint_pck).tolist() == [False, True]


def test_keypoints_of_a_missed_object_are_not_found_and_have_no_distance() -> None:
    boxes = [SQUARE, [100, 100, 150, 150]]
    ground_truth = make_ground_truth(
        [[[10, 10, 2], [20, 10, 2], UNLABELLED], [[110, 110, 2], [120, 110, 2], UNLABELLED]], boxes
    )
    metrics = evaluate_pck([(ground_truth, found([[[10, 14, 1], [20, 10, 1], UNLABELLED]]))], CATEGORIES)

    assert metrics.to_dict() == {"PCK": 0.5, "keypoint_error_px": 2.0}


def test_the_best_detection_matches_the_object_with_the_largest_iou() -> None:
    boxes = [SQUARE, [0, 10, 100, 60]]
    ground_truth = make_ground_truth(
        [[[10, 10, 2], UNLABELLED, UNLABELLED], [[10, 50, 2], UNLABELLED, UNLABELLED]], boxes
    )
    detections = found(
        [[[10, 19, 1], UNLABELLED, UNLABELLED], [[10, 51, 1], UNLABELLED, UNLABELLED]],
        [[0, 1, 100, 51], [0, 10, 100, 60]],
        scores=[0.3, 0.9],
    )

    assert evaluate_pck([(ground_truth, detections)], CATEGORIES).to_dict()["keypoint_error_px"] == 5.0


def test_classes_are_measured_separately_and_averaged() -> None:
    ground_truth = make_ground_truth(
        [[[10, 10, 2], [20, 10, 2], UNLABELLED], [[5, 5, 2], [6, 5, 2], [7, 5, 2]], [UNLABELLED] * 3],
        labels=[0, 2, 1],
    )
    detections = found(
        [[[10, 12, 1], [20, 10, 1], UNLABELLED], [[5, 5, 1], [6, 5, 1], [7, 44, 1]]], labels=[0, 2]
    )
    metrics = evaluate_pck([(ground_truth, detections)], CATEGORIES)

    assert [(one.name, one.category_id, one.keypoints[0]) for one in metrics.classes] == [
        ("glue", 4, "tip"),
        ("mouse", 2, "nose"),
    ]
    assert [one.pck for one in metrics.classes] == [1.0, pytest.approx(2 / 3)]
    assert [one.error_px for one in metrics.classes] == [1.0, 13.0]
    assert metrics.classes[1].keypoint_error_px.tolist() == [0, 0, 39]
    assert metrics.to_dict() == {"PCK": pytest.approx(5 / 6), "keypoint_error_px": 7.0}


def test_crowd_regions_are_not_measured() -> None:
    crowd = replace(make_ground_truth([[[10, 10, 2], UNLABELLED, UNLABELLED]]), is_crowd=np.array([True]))
    metrics = evaluate_pck([(crowd, found([[[90, 90, 1], UNLABELLED, UNLABELLED]]))], CATEGORIES)

    assert all(math.isnan(value) for value in metrics.to_dict().values())


def test_without_detections_pck_is_zero_and_there_is_no_distance() -> None:
    numbers = evaluate_pck(
        [(make_ground_truth([[[10, 10, 2], UNLABELLED, UNLABELLED]]), found([]))], CATEGORIES
    ).to_dict()

    assert numbers["PCK"] == 0
    assert math.isnan(numbers["keypoint_error_px"])
