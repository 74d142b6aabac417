"""Scores of overlapping boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.ops.nms import soft_nms, soft_nms_with_leftovers

# Sides are counted as one longer: 10×10 each, the second shifted by 5: IoU 50 / 150.
ONE, SHIFTED, FAR = [0, 0, 9, 9], [5, 0, 14, 9], [100, 100, 109, 109]
THIRD = np.exp(-((1 / 3) ** 2) / 0.5)

Table = tuple[np.ndarray, np.ndarray, np.ndarray]


def boxes_of(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def scores_of(*scores: float) -> np.ndarray:
    return np.array(scores, dtype=np.float32)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Boxes of three classes in a small space, no two of which have one score."""
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corner, side = (
        rng.uniform(0, draw(st.sampled_from([10, 100])), (count, 2)),
        rng.uniform(1, 30, (count, 2)),
    )
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    scores = (rng.permutation(count) + rng.uniform(0.1, 0.9, count)) / max(count, 1)
    return boxes, scores.astype(np.float32), rng.integers(3, size=count)


def test_a_box_loses_score_to_a_better_one_that_it_overlaps() -> None:
    rows, scores = soft_nms(
        boxes_of(SHIFTED, ONE, FAR), scores_of(0.8, 0.9, 0.5), np.zeros(3, dtype=int), top_k=10
    )

    assert rows.tolist() == [1, 0, 2]
    assert scores == pytest.approx([0.9, 0.8 * THIRD, 0.5])


def test_boxes_of_other_labels_lose_nothing() -> None:
    rows, scores = soft_nms(boxes_of(ONE, ONE), scores_of(0.9, 0.8), np.array([0, 1]), top_k=10)

    assert rows.tolist() == [0, 1]
    assert scores == pytest.approx([0.9, 0.8])


def test_what_is_lowered_below_the_least_score_is_dropped_and_what_was_below_is_not() -> None:
    boxes, scores = boxes_of(ONE, ONE, FAR), scores_of(0.9, 0.005, 0.0005)
    # The same box again: its score is multiplied by exp(-2) = 0.135.
    rows, lowered = soft_nms(boxes, scores, np.zeros(3, dtype=int), top_k=10)

    assert rows.tolist() == [0, 2]
    assert lowered == pytest.approx([0.9, 0.0005])


def test_no_boxes_stay_no_boxes() -> None:
    boxes, scores, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int)
    rows, lowered = soft_nms(boxes, scores, labels, top_k=10)

    assert len(rows) == len(lowered) == 0
    assert len(soft_nms_with_leftovers(boxes, scores)[0]) == 0


@given(tables())
@settings(max_examples=60, deadline=None)
def test_the_best_come_first_each_once_and_no_score_rises(table: Table) -> None:
    boxes, scores, labels = table
    rows, lowered = soft_nms(boxes, scores, labels, top_k=100)

    assert len(set(rows.tolist())) == len(rows)
    assert (np.diff(lowered) <= 0).all()
    assert (lowered <= scores[rows] + 1e-6).all()


@given(tables())
@settings(max_examples=60, deadline=None)
def test_fewer_boxes_are_the_first_of_more(table: Table) -> None:
    rows, lowered = soft_nms(*table, top_k=100)
    few, scores = soft_nms(*table, top_k=5)

    assert few.tolist() == rows[:5].tolist()
    assert scores.tolist() == lowered[:5].tolist()


@given(tables())
@settings(max_examples=60, deadline=None)
def test_the_order_of_boxes_does_not_matter(table: Table) -> None:
    order = np.random.default_rng(0).permutation(len(table[0]))
    rows, lowered = soft_nms(*table, top_k=100)
    shuffled, scores = soft_nms(*(column[order] for column in table), top_k=100)

    assert order[shuffled].tolist() == rows.tolist()
    assert scores == pytest.approx(lowered)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_all_labels_at_once_are_each_by_itself(table: Table) -> None:
    boxes, scores, labels = table
    together = dict(zip(*map(np.ndarray.tolist, soft_nms(boxes, scores, labels, top_k=100)), strict=True))
    apart = {}
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        rows, lowered = soft_nms(boxes[own], scores[own], labels[own], top_k=100)
        apart.update(zip(own[rows].tolist(), lowered.tolist(), strict=True))

    assert together == pytest.approx(apart)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_before_its_leftovers_the_original_has_what_is_kept(table: Table) -> None:
    boxes, scores, _ = table
    places, values = soft_nms_with_leftovers(boxes, scores)
    rows, lowered = soft_nms(boxes, scores, np.zeros(len(boxes), dtype=int), top_k=100)

    assert len(places) == len(boxes)
    assert places[: len(rows)].tolist() == rows.tolist()
    assert values[: len(rows)] == pytest.approx(lowered)


def test_a_box_that_is_moved_forward_is_left_behind_too() -> None:
    # The second is dropped, and the third takes its place; the array still ends in the third.
    boxes, scores = boxes_of(ONE, ONE, FAR), scores_of(0.9, 0.005, 0.5)
    places, values = soft_nms_with_leftovers(boxes, scores)

    assert places.tolist() == [0, 2, 2]
    assert values == pytest.approx([0.9, 0.5, 0.5])


def test_a_box_that_is_dropped_last_stays_in_the_array_lowered() -> None:
    places, values = soft_nms_with_leftovers(boxes_of(ONE, ONE), scores_of(0.9, 0.005))

    assert places.tolist() == [0, 1]
    assert values == pytest.approx([0.9, 0.005 * np.exp(-2)])
