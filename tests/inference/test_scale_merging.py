"""Detections of one image from several scales, merged by NMS."""

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.inference.options import InferenceOptions
from centernet.inference.scale_merging import merge_detections
from centernet.structures import Categories

BOX, SAME, OTHER = [0, 0, 20, 20], [1, 0, 21, 20], [50, 50, 60, 60]
TWO_SCALES = (0.5, 1.0)


def detections(*rows: tuple[list[int], float, int]) -> Detections:
    boxes, scores, labels = ([row[i] for row in rows] for i in range(3))
    return Detections(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        categories=Categories.of("cat", "dog"),
        name="image",
        image_size=(100, 100),
    )


def test_detections_of_one_scale_stay_as_they_are() -> None:
    only = detections((BOX, 0.9, 0), (SAME, 0.8, 0))

    assert merge_detections([only], InferenceOptions(), top_k=1) is only
    assert merge_detections([only], InferenceOptions(scales=(1.5,)), top_k=1) is only


def test_of_an_object_found_at_two_scales_one_box_keeps_its_score() -> None:
    per_scale = [detections((BOX, 0.6, 0)), detections((SAME, 0.9, 0), (OTHER, 0.5, 1))]
    found = merge_detections(per_scale, InferenceOptions(scales=TWO_SCALES), top_k=100)

    assert found.boxes.tolist() == [SAME, OTHER, BOX]
    assert found.labels.tolist() == [0, 1, 0]
    assert found.scores[:2] == pytest.approx([0.9, 0.5])
    assert found.scores[2] < 0.2


def test_nms_is_used_at_one_scale_too_if_it_is_asked_for() -> None:
    pair = detections((BOX, 0.9, 0), (SAME, 0.8, 0))
    found = merge_detections([pair], InferenceOptions(nms="gaussian"), top_k=100)

    assert found.scores[0] == pytest.approx(0.9)
    assert found.scores[1] < 0.2


def test_boxes_of_two_classes_do_not_lower_each_other_unless_nms_is_class_agnostic() -> None:
    per_scale = [detections((BOX, 0.9, 0)), detections((BOX, 0.8, 1))]
    by_class = merge_detections(per_scale, InferenceOptions(scales=TWO_SCALES), top_k=100)
    agnostic = merge_detections(
        per_scale, InferenceOptions(scales=TWO_SCALES, class_agnostic=True), top_k=100
    )

    assert by_class.scores == pytest.approx([0.9, 0.8])
    assert agnostic.scores == pytest.approx([0.9, 0.8 * np.exp(-2)])
    assert agnostic.labels.tolist() == [0, 1]


def test_there_are_at_most_top_k_unless_the_original_gives_more() -> None:
    # Far from each other, the last three with equal scores.
    rows = [([100 * i, 0, 100 * i + 9, 9], score, 0) for i, score in enumerate((0.9, 0.5, 0.5, 0.5))]
    ours = merge_detections([detections(*rows)], InferenceOptions(nms="gaussian"), top_k=2)
    exact = merge_detections([detections(*rows)], InferenceOptions(nms="gaussian", exact=True), top_k=2)

    assert ours.scores == pytest.approx([0.9, 0.5])
    assert exact.scores == pytest.approx([0.9, 0.5, 0.5, 0.5])


def test_exact_gives_twice_a_box_that_the_original_moved() -> None:
    # The second loses to the first and is dropped; the last is put in its place, and is at its old place too.
    rows = detections((BOX, 0.9, 0), (BOX, 0.002, 0), (OTHER, 0.5, 0))
    ours = merge_detections([rows], InferenceOptions(nms="gaussian"), top_k=100)
    exact = merge_detections([rows], InferenceOptions(nms="gaussian", exact=True), top_k=100)

    assert ours.boxes.tolist() == [BOX, OTHER]
    assert exact.boxes.tolist() == [BOX, OTHER, OTHER]


@pytest.mark.parametrize("exact", [False, True])
def test_no_detections_are_merged_into_none(exact: bool) -> None:
    options = InferenceOptions(scales=TWO_SCALES, exact=exact)
    found = merge_detections([detections(), detections()], options, top_k=100)

    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
