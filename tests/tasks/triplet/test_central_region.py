"""Pairs of corners are confirmed by the same centres with torch and without."""

import numpy as np
import pytest
import torch

from centernet.tasks.triplet import central_region as confirming
from centernet.tasks.triplet import corner_matching as corner_matching


@pytest.mark.parametrize("seed", range(5))
def test_without_torch_the_same_boxes_are_confirmed_with_the_same_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 240, (200, 4)).astype(np.float32)
    boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1)
    scores, center_scores = (rng.random(count, dtype=np.float32).round(1) for count in (200, 30))
    labels, center_labels = (rng.integers(0, 2, count) for count in (200, 30))
    centers = rng.integers(0, 300, (30, 2)).astype(np.float32)
    pairs = corner_matching.CornerPairs(
        boxes=torch.from_numpy(boxes)[None],
        scores=torch.from_numpy(scores)[None],
        labels=torch.from_numpy(labels)[None],
        corner_scores=torch.zeros(1, 200, 2),
    )
    points = corner_matching.Points(
        places=torch.from_numpy(centers)[None],
        scores=torch.from_numpy(center_scores)[None],
        labels=torch.from_numpy(center_labels)[None],
    )

    ours = confirming.confirmed(boxes, scores, labels, centers, center_scores, center_labels)
    with_torch = corner_matching.confirmed(pairs, points)[0].numpy()
    assert (ours > 0).sum() > 10
    assert ours == pytest.approx(with_torch, abs=1e-7)


def test_without_centres_nothing_is_confirmed() -> None:
    boxes, none = np.array([[0.0, 0, 9, 9]]), np.zeros(0)

    values = confirming.confirmed(
        boxes, np.ones(1), np.zeros(1, int), none.reshape(0, 2), none, none.astype(int)
    )
    assert values.tolist() == [0.0]
