"""What several looks at one image add up to."""

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.inference.options import InferenceOptions
from centernet.structures import Categories

BOX, SAME, OTHER = [0, 0, 20, 20], [1, 0, 21, 20], [50, 50, 60, 60]


def look(*rows: tuple[list[int], float, int]) -> Detections:
    boxes, scores, labels = ([row[i] for row in rows] for i in range(3))
    return Detections(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        categories=Categories.of("cat", "dog"),
        name="image",
        image_size=(100, 100),
    )


TWO_SCALES = (0.5, 1.0)


def test_one_look_is_the_answer() -> None:
    only = look((BOX, 0.9, 0), (SAME, 0.8, 0))

    assert InferenceOptions().merge([only], top_k=1) is only
    assert InferenceOptions(scales=(1.5,)).merge([only], top_k=1) is only


def test_an_object_found_twice_is_sure_once() -> None:
    looks = [look((BOX, 0.6, 0)), look((SAME, 0.9, 0), (OTHER, 0.5, 1))]
    found = InferenceOptions(scales=TWO_SCALES).merge(looks, top_k=100)

    assert found.boxes.tolist() == [SAME, OTHER, BOX]
    assert found.labels.tolist() == [0, 1, 0]
    assert found.scores[:2] == pytest.approx([0.9, 0.5])
    assert found.scores[2] < 0.2


def test_one_look_is_suppressed_where_that_is_asked_for() -> None:
    found = InferenceOptions(nms="gaussian").merge([look((BOX, 0.9, 0), (SAME, 0.8, 0))], top_k=100)

    assert found.scores[0] == pytest.approx(0.9)
    assert found.scores[1] < 0.2


def test_objects_of_two_classes_at_one_place_stay_unless_classes_do_not_count() -> None:
    looks = [look((BOX, 0.9, 0)), look((BOX, 0.8, 1))]
    by_class = InferenceOptions(scales=TWO_SCALES).merge(looks, top_k=100)
    across = InferenceOptions(scales=TWO_SCALES, across_classes=True).merge(looks, top_k=100)

    assert by_class.scores == pytest.approx([0.9, 0.8])
    assert across.scores == pytest.approx([0.9, 0.8 * np.exp(-2)])
    assert across.labels.tolist() == [0, 1]


def test_no_more_are_given_than_asked_for_unless_the_original_would() -> None:
    # Far from each other, the last three as sure as one another.
    rows = [([100 * i, 0, 100 * i + 9, 9], score, 0) for i, score in enumerate((0.9, 0.5, 0.5, 0.5))]
    ours = InferenceOptions(nms="gaussian").merge([look(*rows)], top_k=2)
    exact = InferenceOptions(nms="gaussian", exact=True).merge([look(*rows)], top_k=2)

    assert ours.scores == pytest.approx([0.9, 0.5])
    assert exact.scores == pytest.approx([0.9, 0.5, 0.5, 0.5])


def test_the_original_finds_again_what_it_moved() -> None:
    # The second loses to the first and goes; the last is put in its place, and found at its old place too.
    rows = look((BOX, 0.9, 0), (BOX, 0.002, 0), (OTHER, 0.5, 0))
    ours = InferenceOptions(nms="gaussian").merge([rows], top_k=100)
    exact = InferenceOptions(nms="gaussian", exact=True).merge([rows], top_k=100)

    assert ours.boxes.tolist() == [BOX, OTHER]
    assert exact.boxes.tolist() == [BOX, OTHER, OTHER]


@pytest.mark.parametrize("exact", [False, True])
def test_nothing_found_is_nothing_merged(exact: bool) -> None:
    found = InferenceOptions(scales=TWO_SCALES, exact=exact).merge([look(), look()], top_k=100)

    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_ways_of_looking_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match=r"scales are numbers above 0, at most 10, .* got 1,0: try scales="):
        InferenceOptions(scales=(1.0, 0.0))
    with pytest.raises(UsageError, match="got 11"):
        InferenceOptions(scales=(11.0,))
    with pytest.raises(UsageError, match="got nan"):
        InferenceOptions(scales=(float("nan"),))
    with pytest.raises(UsageError, match="got none"):
        InferenceOptions(scales=())
    with pytest.raises(UsageError, match="exact says how NMS is done: add nms=gaussian, or several"):
        InferenceOptions(exact=True)
    with pytest.raises(UsageError, match="merge_boxes says how NMS is done: add nms=gaussian, or several"):
        InferenceOptions(merge_boxes=10.0)
    with pytest.raises(UsageError, match="merge_boxes is 0 or more; got -1"):
        InferenceOptions(nms="hard", merge_boxes=-1.0)
    with pytest.raises(UsageError, match="nms is one of none, gaussian, linear, hard; got 'soft'"):
        InferenceOptions(nms="soft")
    with pytest.raises(UsageError, match="iou is a limit of nms=hard and nms=linear: add one of them"):
        InferenceOptions(nms="gaussian", iou=0.5)
    with pytest.raises(UsageError, match="iou is an overlap from 0 to below 1; got 1"):
        InferenceOptions(nms="hard", iou=1.0)
