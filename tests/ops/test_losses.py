"""Losses by hand, at their limits, and against torchvision."""

import math

import pytest
import torch
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from centernet.ops.losses import focal_loss, giou_loss, l1_at_cells, l1_loss, paired_iou, soft_focal_loss


def one_gaussian() -> Tensor:
    """A heatmap with one positive and one cell of 0.5 beside it."""
    heatmap = torch.zeros(1, 1, 4, 4)
    heatmap[0, 0, 1, 1], heatmap[0, 0, 1, 2] = 1, 0.5
    return heatmap


def test_focal_loss_of_a_perfect_map_is_zero() -> None:
    heatmap = (one_gaussian() == 1).float()

    assert focal_loss(20 * (2 * heatmap - 1), heatmap).item() == pytest.approx(0, abs=1e-6)


def test_focal_loss_by_hand() -> None:
    # Probability one half everywhere: a positive costs ln 2 / 4; a negative that, times (1 − target)⁴.
    loss = focal_loss(torch.zeros(1, 1, 4, 4), one_gaussian())

    assert loss.item() == pytest.approx((1 + 14 + 0.5**4) * math.log(2) / 4)


def test_focal_loss_is_an_average_over_positive_cells() -> None:
    heatmap, logits = one_gaussian(), torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))

    twice = focal_loss(torch.cat([logits, logits]), torch.cat([heatmap, heatmap]))
    assert twice.item() == pytest.approx(focal_loss(logits, heatmap).item())


def test_focal_loss_without_objects_is_a_sum() -> None:
    loss = focal_loss(torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5))

    assert loss.item() == pytest.approx(2 * 3 * 4 * 5 * math.log(2) / 4)


@pytest.mark.parametrize("logit", [-1e4, 1e4, -torch.finfo(torch.float32).max])
def test_focal_loss_is_finite_for_any_logit(logit: float) -> None:
    logits = torch.full((1, 1, 4, 4), logit, requires_grad=True)
    loss = focal_loss(logits, one_gaussian())
    loss.backward()

    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_focal_loss_decreases_where_the_map_improves() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    focal_loss(logits, one_gaussian()).backward()

    assert logits.grad is not None
    is_positive = one_gaussian() == 1
    assert (logits.grad[is_positive] < 0).all()
    assert (logits.grad[~is_positive] > 0).all()


def test_focal_loss_of_half_precision_is_computed_in_single_precision() -> None:
    logits = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)).bfloat16()

    assert focal_loss(logits, one_gaussian()).item() == focal_loss(logits.float(), one_gaussian()).item()


def test_focal_loss_with_soft_targets_of_one_is_the_plain_one() -> None:
    logits = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    plain, soft = (
        focal_loss(logits, one_gaussian(), soft_targets=targets) for targets in (None, torch.ones(1))
    )

    assert soft.item() == pytest.approx(plain.item())


@pytest.mark.parametrize("target", [0.1, 0.5, 0.9])
def test_focal_loss_pulls_a_positive_to_its_soft_target_from_both_sides(target: float) -> None:
    slopes = []
    for shift in (-1.0, 0.0, 1.0):
        logits = torch.full((1, 1, 4, 4), shift + math.log(target / (1 - target)), requires_grad=True)
        focal_loss(logits, one_gaussian(), soft_targets=torch.tensor([target])).backward()
        assert logits.grad is not None
        slopes.append(logits.grad[0, 0, 1, 1].item())

    assert slopes[0] < 0 < slopes[2]
    assert slopes[1] == pytest.approx(0, abs=1e-6)


def test_focal_loss_with_a_soft_target_by_hand() -> None:
    # As `test_focal_loss_by_hand`, but the target of the positive is 0.75: (1 / 4)² ln 2.
    loss = focal_loss(torch.zeros(1, 1, 4, 4), one_gaussian(), soft_targets=torch.tensor([0.75]))

    assert loss.item() == pytest.approx((1 / 4 + 14 / 4 + 0.5**4 / 4) * math.log(2) - 3 / 16 * math.log(2))


def test_soft_focal_loss_is_zero_where_the_map_is_the_gaussians() -> None:
    heatmap = one_gaussian()

    assert soft_focal_loss(torch.logit(heatmap, eps=1e-7), heatmap).item() == pytest.approx(0, abs=1e-5)


def test_soft_focal_loss_by_hand() -> None:
    # Probability one half everywhere: the cell of 0.5 costs nothing, the 15 others ln 2 / 4. The sum is 1.5.
    loss = soft_focal_loss(torch.zeros(1, 1, 4, 4), one_gaussian())

    assert loss.item() == pytest.approx(4 * 15 * math.log(2) / 4 / 1.5)


def test_soft_focal_loss_without_objects_is_a_sum() -> None:
    loss = soft_focal_loss(torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5))

    assert loss.item() == pytest.approx(2 * 3 * 4 * 5 * math.log(2))


@pytest.mark.parametrize("target", [0.1, 0.5, 0.9])
def test_soft_focal_loss_pulls_every_cell_to_its_target_from_both_sides(target: float) -> None:
    slopes = []
    for shift in (-1.0, 0.0, 1.0):
        logits = torch.full((1, 1, 1, 1), shift + math.log(target / (1 - target)), requires_grad=True)
        soft_focal_loss(logits, torch.full((1, 1, 1, 1), target)).backward()
        assert logits.grad is not None
        slopes.append(logits.grad.item())

    assert slopes[0] < 0 < slopes[2]
    assert slopes[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_soft_focal_loss_is_finite_for_any_logit(logit: float) -> None:
    logits = torch.full((1, 1, 4, 4), logit, requires_grad=True)
    loss = soft_focal_loss(logits.bfloat16(), one_gaussian())
    loss.backward()

    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_l1_is_the_mean_of_the_errors_at_the_cells() -> None:
    maps = torch.zeros(1, 2, 3, 3)
    loss = l1_at_cells(maps, torch.tensor([[0, 1, 1], [0, 2, 0]]), torch.tensor([[1.0, -2.0], [3.0, 0.0]]))

    assert loss.item() == pytest.approx(6 / 4, rel=1e-4)


def test_l1_without_objects_is_zero_with_zero_gradient() -> None:
    maps = torch.ones(1, 2, 3, 3, requires_grad=True)
    loss = l1_at_cells(maps, torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 2))
    loss.backward()

    assert loss.item() == 0
    assert maps.grad is not None
    assert not maps.grad.any()


def test_weights_of_one_give_the_plain_mean() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, targets = torch.randn(2, 2, 2, generator=generator)
    boxes = torch.rand(2, 4, generator=generator).cumsum(1)
    ones = torch.ones(2)

    assert l1_loss(predicted, targets, ones).item() == pytest.approx(l1_loss(predicted, targets).item())
    assert giou_loss(boxes, boxes + 0.1, ones).item() == pytest.approx(
        giou_loss(boxes, boxes + 0.1).item(), rel=1e-3
    )
    none = torch.zeros(0)
    assert giou_loss(none.view(0, 4), none.view(0, 4), none).item() == 0
    assert l1_loss(none.view(0, 2), none.view(0, 2), none).item() == 0


def test_losses_are_weighted_by_box() -> None:
    ground_truth = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2]])
    boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 2]])

    # The second box covers half of its ground truth.
    assert giou_loss(boxes, ground_truth, torch.tensor([1.0, 3.0])).item() == pytest.approx(
        3 / 4 / 2, rel=1e-3
    )


def test_iou_of_pairs_by_hand() -> None:
    ground_truth = torch.tensor([[0.0, 0, 2, 2]] * 4)
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [2, 2, 0, 0]])

    assert paired_iou(boxes, ground_truth).tolist() == pytest.approx([1, 1 / 3, 0, 0])


def test_giou_equals_that_of_torchvision() -> None:
    corner, sides = torch.rand(2, 50, 2, 2, generator=torch.Generator().manual_seed(0)).unbind(0)
    first, second = torch.cat([corner, corner + sides + 0.01], dim=2).unbind(1)

    assert giou_loss(first, second).item() == pytest.approx(
        generalized_box_iou_loss(first, second, reduction="mean").item(), abs=1e-5
    )


def test_giou_at_its_limits() -> None:
    box, far = torch.tensor([[0.0, 0, 2, 3]]), torch.tensor([[1e4, 1e4, 1e4 + 1, 1e4 + 1]])

    assert giou_loss(box, box).item() == pytest.approx(0, abs=1e-6)
    assert giou_loss(box, far).item() == pytest.approx(2, abs=1e-3)
    assert giou_loss(torch.zeros(0, 4), torch.zeros(0, 4)).item() == 0


def test_giou_of_an_inverted_box_is_finite_and_pulls_its_corners_apart() -> None:
    inverted = torch.tensor([[2.0, 2.0, 1.0, 1.0]], requires_grad=True)
    giou_loss(inverted, torch.tensor([[0.0, 0.0, 3.0, 3.0]])).backward()

    assert inverted.grad is not None
    assert torch.isfinite(inverted.grad).all()
