"""The confusion matrix, counted by hand."""

import numpy as np

from centernet.detections import Detections
from centernet.metrics.confusion import confusion_matrix
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


def test_correct_misclassified_missed_and_background_detections_each_have_their_cell() -> None:
    ground_truth = make_ground_truth([LEFT, RIGHT, [80, 80, 90, 90]], [0, 1, 1])
    found = make_found([LEFT, RIGHT, NOWHERE], [0.9, 0.8, 0.7], [0, 0, 0])
    matrix = confusion_matrix([(ground_truth, found)], CATEGORIES)

    assert matrix.counts.tolist() == [[1, 0, 0], [1, 0, 1], [1, 0, 0]]
    assert matrix.precision[0] == 1 / 3
    assert np.isnan(matrix.precision[1])
    assert matrix.recall.tolist() == [1, 0]


def test_the_detection_with_the_higher_score_matches_the_object_whatever_its_class() -> None:
    ground_truth = make_ground_truth([LEFT], [0])
    found = make_found([LEFT, LEFT], [0.6, 0.7], [0, 1])
    matrix = confusion_matrix([(ground_truth, found)], CATEGORIES)

    assert matrix.counts.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_a_detection_matches_the_next_best_object_when_its_best_is_matched() -> None:
    ground_truth = make_ground_truth([[0, 0, 10, 10], [2, 0, 12, 10]], [0, 1])
    found = make_found([[0, 0, 10, 10], [0.5, 0, 10.5, 10]], [0.9, 0.8], [0, 1])
    matrix = confusion_matrix([(ground_truth, found)], CATEGORIES)

    assert matrix.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_scores_and_overlaps_at_the_limit_count_and_those_below_do_not() -> None:
    ground_truth = make_ground_truth([LEFT, RIGHT], [0, 0])
    found = make_found([[0, 0, 10, 5], [50, 0, 60, 10]], [0.3, 0.29], [0, 0])

    at_limit = confusion_matrix([(ground_truth, found)], CATEGORIES, min_iou=0.5)
    above_limit = confusion_matrix([(ground_truth, found)], CATEGORIES, min_iou=0.51)

    assert at_limit.counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert above_limit.counts.tolist() == [[0, 0, 2], [0, 0, 0], [1, 0, 0]]


def test_crowd_regions_and_detections_of_their_class_in_them_are_not_counted() -> None:
    ground_truth = make_ground_truth([[0, 0, 40, 40]], [0])
    ground_truth.is_crowd[0] = True
    found = make_found([[5, 5, 10, 10], [20, 20, 30, 30]], [0.9, 0.8], [0, 1])
    matrix = confusion_matrix([(ground_truth, found)], CATEGORIES)

    assert matrix.counts.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_empty_images_count_nothing() -> None:
    matrix = confusion_matrix([(make_ground_truth([], []), make_found([], [], []))], CATEGORIES)

    assert matrix.counts.sum() == 0
    assert np.isnan(matrix.recall).all()
