"""Losses of sparse targets against those of dense ones, and their gradient against differences."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from centernet.ops import background
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss, soft_focal_loss
from centernet.structures.batch import Grid

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {
    "focal": focal_loss,
    "focal, other exponents": partial(focal_loss, alpha=1.5, beta=2.0),
    "focal, soft targets": partial(focal_loss, soft_targets=torch.tensor([0.9, 0.3, 0.6, 0.0, 1.0])),
    "soft focal": soft_focal_loss,
}


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> Loss:
    """Each loss in turn."""
    return LOSSES[request.param]


def target(*, sparse: bool) -> Tensor:
    """Five Gaussians, three of which overlap, in three of eight maps."""
    return draw_gaussians(
        Grid(batch=2, height=9, width=11, sparse=sparse),
        4,
        torch.tensor([[0, 4, 5], [0, 5, 7], [1, 0, 10], [1, 8, 0], [0, 4, 8]]),
        torch.tensor([1, 1, 3, 0, 1]),
        torch.tensor([3, 2, 4, 0, 1]),
    )


def logits(*, double: bool = False) -> Tensor:
    """Random, some beyond the clamp of probabilities."""
    values = 4 * torch.randn(2, 4, 9, 11, generator=torch.Generator().manual_seed(0)) - 2
    values[0, 0, 0, :4] = torch.tensor([-30.0, 30.0, -10.0, 10.0])
    return values.double() if double else values


def value_and_gradient(
    loss: Loss, heatmap: Tensor, values: Tensor, factor: float = 1.0
) -> tuple[Tensor, Tensor]:
    values = values.detach().requires_grad_()
    result = loss(values, heatmap)
    (gradient,) = torch.autograd.grad(factor * result, values)
    return result.detach(), gradient


def test_a_sparse_target_renders_as_the_dense_one() -> None:
    sparse = target(sparse=True)

    assert sparse.is_sparse
    assert sparse._nnz() == (target(sparse=False) > 0).sum()
    assert (sparse.to_dense() == target(sparse=False)).all()


@pytest.mark.parametrize("factor", [1.0, 0.3])
@pytest.mark.parametrize("at_once", [7, 64, 1 << 17])
def test_a_sparse_target_gives_the_dense_loss_and_gradient(
    loss: Loss, factor: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "CELLS_AT_ONCE", at_once)
    expected, slopes = value_and_gradient(loss, target(sparse=False), logits(), factor)
    found, found_slopes = value_and_gradient(loss, target(sparse=True), logits(), factor)

    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(found_slopes, slopes, rtol=1e-5, atol=1e-6)


def test_numbers_are_those_of_double_precision(loss: Loss) -> None:
    expected, slopes = value_and_gradient(loss, target(sparse=False).double(), logits(double=True))
    found, found_slopes = value_and_gradient(loss, target(sparse=True), logits(double=True))

    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)
    torch.testing.assert_close(found_slopes, slopes, rtol=1e-9, atol=1e-9)


def test_the_gradient_is_that_of_differences(loss: Loss) -> None:
    # Away from the clamp, where the loss has a corner.
    values = logits(double=True).clamp(-8, 8).requires_grad_()

    assert torch.autograd.gradcheck(lambda x: loss(x, target(sparse=True)), values, fast_mode=False)


def test_maps_in_any_order_of_memory_give_the_same(loss: Loss) -> None:
    plain, slopes = value_and_gradient(loss, target(sparse=True), logits())
    last = logits().contiguous(memory_format=torch.channels_last)
    turned = logits().mT.contiguous().mT
    for values in (last, turned):
        found, found_slopes = value_and_gradient(loss, target(sparse=True), values)

        assert found.item() == pytest.approx(plain.item(), rel=1e-6)
        torch.testing.assert_close(found_slopes, slopes)
    assert value_and_gradient(loss, target(sparse=True), last)[1].stride() == last.stride()


def test_half_precision_is_computed_in_single_precision(loss: Loss) -> None:
    half = logits().bfloat16()
    expected, slopes = value_and_gradient(loss, target(sparse=False), half, 1 / 3)
    found, found_slopes = value_and_gradient(loss, target(sparse=True), half, 1 / 3)

    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert found_slopes.dtype == torch.bfloat16
    torch.testing.assert_close(found_slopes, slopes, rtol=2**-7, atol=1e-6)


def test_without_objects_everything_is_background(loss: Loss) -> None:
    empty = torch.zeros(0, dtype=torch.long)
    heatmaps = [
        draw_gaussians(Grid(batch=2, height=9, width=11, sparse=sparse), 4, empty.view(0, 3), empty, empty)
        for sparse in (False, True)
    ]
    loss = (
        partial(loss, soft_targets=torch.zeros(0))
        if "soft_targets" in getattr(loss, "keywords", {})
        else loss
    )
    (expected, slopes), (found, found_slopes) = (value_and_gradient(loss, one, logits()) for one in heatmaps)

    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(found_slopes, slopes, rtol=1e-5, atol=1e-6)


def test_a_graph_that_is_kept_gives_the_same_gradient_again(loss: Loss) -> None:
    values = logits().requires_grad_()
    result = 2 * loss(values, target(sparse=True))
    first, second = (torch.autograd.grad(result, values, retain_graph=True)[0] for _ in range(2))

    assert (first == second).all()


def test_nothing_is_kept_where_no_gradient_is_wanted(loss: Loss) -> None:
    with torch.no_grad():
        result = loss(logits().requires_grad_(), target(sparse=True))

    assert not result.requires_grad
    assert result.item() == pytest.approx(loss(logits(), target(sparse=True)).item())


def test_a_logit_that_is_no_number_shows_in_the_loss(loss: Loss) -> None:
    values = logits()
    values[1, 2, 3, 4] = torch.nan

    assert loss(values, target(sparse=True)).isnan()
