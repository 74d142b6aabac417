"""Areas and overlaps of axis-aligned boxes."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from centernet.geometry import boxes as module
from centernet.geometry.boxes import box_areas, intersecting_pairs, iou_matrix, iou_of_pairs


def test_an_inverted_box_has_no_area() -> None:
    assert box_areas(np.array([[0.0, 0, 2, 3], [2, 0, 0, 3], [2, 3, 0, 0]])).tolist() == [6, 0, 0]


def test_overlaps_are_those_of_torchvision() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 10, (2, 20, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 8, (2, 20, 2))], axis=2)

    expected = box_iou(*torch.from_numpy(boxes))
    assert iou_matrix(*boxes) == pytest.approx(expected.numpy())


def test_empty_boxes_overlap_nothing() -> None:
    empty, box = np.zeros((1, 4)), np.array([[0.0, 0, 1, 1]])

    assert iou_matrix(empty, empty).tolist() == [[0]]
    assert iou_matrix(box, np.zeros((0, 4))).shape == (1, 0)


@pytest.mark.parametrize("seed", range(8))
def test_intersecting_pairs_are_found_among_boxes_of_all_sizes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_PAIRS", 20)
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 30, (40, 2))
    boxes = np.concatenate([corners, corners + rng.integers(0, 12, (40, 2))], axis=1).astype(np.float32)
    boxes[:3, 2] = 40
    starts = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    is_common = (starts < np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])).all(axis=2)
    expected = zip(*np.nonzero(np.triu(is_common, 1)), strict=True)
    first, second = intersecting_pairs(boxes)

    assert sorted(map(sorted, zip(first.tolist(), second.tolist(), strict=True))) == sorted(
        [int(i), int(j)] for i, j in expected
    )


def test_no_boxes_have_no_intersecting_pairs() -> None:
    first, second = intersecting_pairs(np.zeros((0, 4)))

    assert (first.tolist(), second.tolist()) == ([], [])


def test_overlaps_of_pairs_are_the_diagonal_of_those_of_all() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 10, (2, 20, 2))
    first, second = np.concatenate([corners, corners + rng.uniform(-1, 8, (2, 20, 2))], axis=2)

    assert iou_of_pairs(first, second).tolist() == np.diag(iou_matrix(first, second)).tolist()
