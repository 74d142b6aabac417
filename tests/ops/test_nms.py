"""Soft-NMS: scores of overlapping boxes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.ops.nms import METHODS, Kept, Suppression, soft_nms, soft_nms_with_leftovers

# 10×10 pixels each, as sides are one longer than the difference of corners; shifted by 5: IoU 50 / 150.
ONE, SHIFTED, FAR = [0, 0, 9, 9], [5, 0, 14, 9], [100, 100, 109, 109]
THIRD = np.exp(-((1 / 3) ** 2) / 0.5)

Table = tuple[np.ndarray, np.ndarray, np.ndarray]


def boxes_of(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def scores_of(*scores: float) -> np.ndarray:
    return np.array(scores, dtype=np.float32)


def rows_and_scores(*table: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    kept = soft_nms(*table, top_k=top_k)
    return kept.rows, kept.scores


def array_of_the_original(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = soft_nms_with_leftovers(boxes, scores)
    return kept.rows, kept.scores


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Boxes of three classes close to each other, all with different scores."""
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corner, side = (
        rng.uniform(0, draw(st.sampled_from([10, 100])), (count, 2)),
        rng.uniform(1, 30, (count, 2)),
    )
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    scores = (rng.permutation(count) + rng.uniform(0.1, 0.9, count)) / max(count, 1)
    return boxes, scores.astype(np.float32), rng.integers(3, size=count)


def test_a_more_confident_box_lowers_the_score_of_one_that_it_overlaps() -> None:
    rows, scores = rows_and_scores(
        boxes_of(SHIFTED, ONE, FAR), scores_of(0.8, 0.9, 0.5), np.zeros(3, dtype=int), top_k=10
    )

    assert rows.tolist() == [1, 0, 2]
    assert scores == pytest.approx([0.9, 0.8 * THIRD, 0.5])


def test_boxes_of_other_classes_keep_their_score() -> None:
    rows, scores = rows_and_scores(boxes_of(ONE, ONE), scores_of(0.9, 0.8), np.array([0, 1]), top_k=10)

    assert rows.tolist() == [0, 1]
    assert scores == pytest.approx([0.9, 0.8])


def test_boxes_lowered_below_the_minimum_score_are_dropped_and_boxes_already_below_are_not() -> None:
    boxes, scores = boxes_of(ONE, ONE, FAR), scores_of(0.9, 0.005, 0.0005)
    # The same box again: its score is multiplied by exp(-2) = 0.135.
    rows, lowered = rows_and_scores(boxes, scores, np.zeros(3, dtype=int), top_k=10)

    assert rows.tolist() == [0, 2]
    assert lowered == pytest.approx([0.9, 0.0005])


def test_no_boxes_give_no_boxes() -> None:
    boxes, scores, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int)
    rows, lowered = rows_and_scores(boxes, scores, labels, top_k=10)

    assert len(rows) == len(lowered) == 0
    assert len(array_of_the_original(boxes, scores)[0]) == 0


@given(tables())
@settings(max_examples=60, deadline=None)
def test_boxes_come_once_in_order_of_score_and_no_score_is_raised(table: Table) -> None:
    boxes, scores, labels = table
    rows, lowered = rows_and_scores(boxes, scores, labels, top_k=100)

    assert len(set(rows.tolist())) == len(rows)
    assert (np.diff(lowered) <= 0).all()
    assert (lowered <= scores[rows] + 1e-6).all()


@given(tables())
@settings(max_examples=60, deadline=None)
def test_a_smaller_top_k_gives_the_first_boxes_of_a_larger_one(table: Table) -> None:
    rows, lowered = rows_and_scores(*table, top_k=100)
    few, scores = rows_and_scores(*table, top_k=5)

    assert few.tolist() == rows[:5].tolist()
    assert scores.tolist() == lowered[:5].tolist()


@given(tables())
@settings(max_examples=60, deadline=None)
def test_the_order_of_boxes_does_not_matter(table: Table) -> None:
    order = np.random.default_rng(0).permutation(len(table[0]))
    rows, lowered = rows_and_scores(*table, top_k=100)
    shuffled, scores = rows_and_scores(*(column[order] for column in table), top_k=100)

    assert order[shuffled].tolist() == rows.tolist()
    assert scores == pytest.approx(lowered)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_suppressing_all_classes_at_once_equals_each_class_alone(table: Table) -> None:
    boxes, scores, labels = table
    together = dict(
        zip(*map(np.ndarray.tolist, rows_and_scores(boxes, scores, labels, top_k=100)), strict=True)
    )
    apart = {}
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        rows, lowered = rows_and_scores(boxes[own], scores[own], labels[own], top_k=100)
        apart.update(zip(own[rows].tolist(), lowered.tolist(), strict=True))

    assert together == pytest.approx(apart)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_before_its_leftovers_the_array_of_the_original_holds_the_boxes_kept(table: Table) -> None:
    boxes, scores, _ = table
    places, values = array_of_the_original(boxes, scores)
    rows, lowered = rows_and_scores(boxes, scores, np.zeros(len(boxes), dtype=int), top_k=100)

    assert len(places) == len(boxes)
    assert places[: len(rows)].tolist() == rows.tolist()
    assert values[: len(rows)] == pytest.approx(lowered)


def test_a_box_that_is_moved_forward_leaves_a_copy_behind() -> None:
    # The second is dropped, and the third takes its place; the array still ends in the third.
    boxes, scores = boxes_of(ONE, ONE, FAR), scores_of(0.9, 0.005, 0.5)
    places, values = array_of_the_original(boxes, scores)

    assert places.tolist() == [0, 2, 2]
    assert values == pytest.approx([0.9, 0.5, 0.5])


def test_a_box_that_is_dropped_last_stays_in_the_array_lowered() -> None:
    places, values = array_of_the_original(boxes_of(ONE, ONE), scores_of(0.9, 0.005))

    assert places.tolist() == [0, 1]
    assert values == pytest.approx([0.9, 0.005 * np.exp(-2)])


def of_one_label(boxes: np.ndarray, scores: np.ndarray, how: Suppression) -> Kept:
    return soft_nms(boxes, scores, np.zeros(len(boxes), dtype=int), top_k=100, how=how)


def test_hard_drops_and_linear_lowers_boxes_above_the_iou_threshold() -> None:
    boxes, scores = boxes_of(ONE, SHIFTED, FAR), scores_of(0.9, 0.8, 0.5)

    assert of_one_label(boxes, scores, Suppression(method="hard", iou=0.3)).rows.tolist() == [0, 2]
    assert of_one_label(boxes, scores, Suppression(method="hard", iou=0.34)).rows.tolist() == [0, 1, 2]
    linear = of_one_label(boxes, scores, Suppression(method="linear", iou=0.3))
    assert linear.scores == pytest.approx([0.9, 0.8 * 2 / 3, 0.5])


@pytest.mark.parametrize("method", METHODS)
@given(tables())
@settings(max_examples=30, deadline=None)
def test_before_its_leftovers_the_array_of_the_original_holds_the_boxes_each_method_keeps(
    method: str, table: Table
) -> None:
    boxes, scores, _ = table
    how = Suppression(method=method)
    array, kept = soft_nms_with_leftovers(boxes, scores, how=how), of_one_label(boxes, scores, how)

    assert array[: len(kept.rows)].rows.tolist() == kept.rows.tolist()
    assert array.boxes.tolist() == boxes[array.rows].tolist()


def test_a_merged_box_is_the_mean_weighted_by_corner_scores() -> None:
    boxes, scores = boxes_of(ONE, SHIFTED, FAR), scores_of(0.9, 0.8, 0.5)
    corners = np.array([[0.6, 0.9], [0.3, 0.2], [0.5, 0.5]])
    kept = soft_nms(
        boxes,
        scores,
        np.zeros(3, dtype=int),
        top_k=1,
        how=Suppression(method="linear", iou=0.3, merge=1.0),
        corner_scores=corners,
    )

    # The second is lowered by a third, so its weight is a third.
    left, right = 5 * 0.1 / 0.7, 9 + 5 * (0.2 / 3) / (0.9 + 0.2 / 3)
    assert kept.boxes == pytest.approx(np.array([[left, 0, right, 9]]))


@given(tables())
@settings(max_examples=30, deadline=None)
def test_merged_boxes_lie_within_all_boxes_and_keep_their_scores(table: Table) -> None:
    boxes, _, labels = table
    plain, merged = (soft_nms(*table, top_k=100, how=Suppression(merge=merge)) for merge in (0.0, 10.0))

    assert merged.rows.tolist() == plain.rows.tolist()
    assert merged.scores.tolist() == plain.scores.tolist()
    for label in np.unique(labels):
        own = labels == label
        found = merged.boxes[labels[merged.rows] == label]
        assert (found >= boxes[own].min(axis=0) - 1e-3).all()
        assert (found <= boxes[own].max(axis=0) + 1e-3).all()


def taken_from_a_matrix(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, how: Suppression
) -> list[tuple[int, float]]:
    """Rows and scores that are kept when every box lowers all others by their IoU, class by class."""
    remaining, taken = scores.astype(float), []
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    while remaining.max(initial=0) > 0:
        best = int(remaining.argmax())
        taken.append((best, float(remaining[best])))
        remaining[best] = 0
        common = np.minimum(boxes[:, 2:], boxes[best, 2:]) - np.maximum(boxes[:, :2], boxes[best, :2]) + 1
        common = np.clip(common, 0, None).prod(axis=1)
        iou = common / (sides.prod(axis=1) + sides[best].prod() - common)
        lowered = np.where(labels == labels[best], remaining * how.factors(iou), remaining)
        remaining = np.where((lowered < remaining) & (lowered < how.min_score), 0, lowered)
    return taken


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_classes_are_suppressed_apart_and_taken_by_score(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 60, (120, 2)).astype(float)
    boxes = np.concatenate([corners, corners + rng.integers(10, 40, (120, 2))], axis=1)
    scores, labels = rng.random(120).round(1), rng.integers(0, 5, 120)
    how = Suppression(method=method, min_score=0.05)
    expected = taken_from_a_matrix(boxes, scores, labels, how)[:60]
    kept = soft_nms(boxes, scores, labels, top_k=60, how=how)

    assert kept.rows.tolist() == [row for row, _ in expected]
    assert kept.scores.tolist() == pytest.approx([score for _, score in expected], abs=1e-12)


def test_memory_grows_with_the_boxes_and_not_with_their_pairs() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 4000, (8000, 2))
    boxes = np.concatenate([corners, corners + 40], axis=1)
    tracemalloc.start()
    soft_nms(boxes, rng.random(8000), np.zeros(8000, dtype=int), top_k=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # All pairs would take half a gigabyte.
    assert peak < 10e6
