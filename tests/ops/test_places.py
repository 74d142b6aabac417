"""The place of a keypoint among the cells of its object: by hand, at limits, and its gradient."""

import pytest
import torch
from torch import Tensor

from centernet.ops.places import place_loss, windows_of
from centernet.structures.batch import Grid

GRID = Grid(batch=2, height=6, width=8)
WINDOWS = torch.tensor([[1, 2, 5, 6], [0, 0, 8, 6]])
POINTS = torch.tensor([[2.3, 4.6], [7.5, 0.2]])
PLANES = torch.tensor([0, 4])


def logits() -> Tensor:
    return torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(maps: Tensor, keypoint: int) -> Tensor:
    """The divergence of one keypoint, from the whole window at once."""
    left, top, right, bottom = WINDOWS[keypoint].tolist()
    y, x = torch.meshgrid(torch.arange(top, bottom) + 0.5, torch.arange(left, right) + 0.5, indexing="ij")
    distance = (x - POINTS[keypoint, 0]).square() + (y - POINTS[keypoint, 1]).square()
    wanted = (-distance.double().flatten() / 2).log_softmax(0)
    predicted = maps.flatten(0, 1)[PLANES[keypoint], top:bottom, left:right].flatten().log_softmax(0)
    return (wanted.exp() * (wanted - predicted)).sum()


def test_the_loss_is_the_mean_divergence_over_the_windows() -> None:
    loss = place_loss(logits(), PLANES, POINTS, WINDOWS)

    assert loss.item() == pytest.approx((by_hand(logits(), 0) + by_hand(logits(), 1)).item() / 2, abs=1e-5)


def test_the_loss_is_zero_for_the_gaussian_itself() -> None:
    y, x = torch.meshgrid(torch.arange(6) + 0.5, torch.arange(8) + 0.5, indexing="ij")
    distance = (x - POINTS[:1, 0]).square() + (y - POINTS[:1, 1]).square()
    maps = (3 - distance / 2)[None, None]

    assert place_loss(maps, PLANES[:1], POINTS[:1], WINDOWS[:1]).item() == pytest.approx(0, abs=1e-5)


def test_cells_outside_the_window_and_other_maps_have_no_gradient() -> None:
    maps = logits().requires_grad_()
    place_loss(maps, PLANES[:1], POINTS[:1], WINDOWS[:1]).backward()
    assert maps.grad is not None
    gradient = maps.grad.clone()

    inside = gradient[0, 0, 2:6, 1:5].clone()
    gradient[0, 0, 2:6, 1:5] = 0
    assert (inside != 0).all()
    assert (gradient == 0).all()
    # The keypoint's own cell rises, all others together fall by as much.
    assert inside.sum().item() == pytest.approx(0, abs=1e-6)
    assert inside[2, 1] == inside.min() < 0


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_the_loss_is_finite_for_any_logit(logit: float) -> None:
    maps = torch.zeros(2, 3, 6, 8)
    maps[0, 0, 3, 3] = logit
    maps.requires_grad_()
    place_loss(maps, PLANES, POINTS, WINDOWS).backward()

    assert maps.grad is not None
    assert torch.isfinite(maps.grad).all()


def test_without_keypoints_the_loss_is_zero_and_has_a_gradient() -> None:
    maps = torch.zeros(2, 3, 6, 8, requires_grad=True)
    loss = place_loss(maps, PLANES[:0], POINTS[:0], WINDOWS[:0])
    loss.backward()

    assert loss.item() == 0
    assert maps.grad is not None
    assert (maps.grad == 0).all()


def test_windows_hold_the_box_on_the_map_and_the_keypoint() -> None:
    center, size = torch.tensor([[3.0, 3.0], [7.0, 1.0]]), torch.tensor([[2.5, 2.0], [4.0, 4.0]])
    cells = torch.tensor([[0, 5, 3], [1, 0, 7]])

    assert windows_of(center, size, cells, GRID).tolist() == [[1, 2, 5, 6], [5, 0, 8, 3]]
