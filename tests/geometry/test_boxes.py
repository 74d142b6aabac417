"""Areas and overlaps of axis-aligned boxes."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from centernet.geometry.boxes import box_areas, iou_matrix


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
