"""Pooling along rows and columns: numbers by hand, other computations of them, training and export."""

import pytest
import torch
from torch import nn

from centernet.tasks.triplet import corner_pooling as pooling
from centernet.tasks.triplet.corner_pooling import (
    CenterPooling,
    CornerPooling,
    bottom_pool,
    left_pool,
    max_along,
    right_pool,
    running_max,
    top_pool,
)

LINE = torch.tensor([1.0, 3.0, 2.0, 3.0, 0.0])


def test_each_pool_takes_the_maximum_in_its_direction() -> None:
    row, column = LINE.view(1, 1, 1, 5), LINE.view(1, 1, 5, 1)

    assert left_pool(row).flatten().tolist() == [3, 3, 3, 3, 0]
    assert right_pool(row).flatten().tolist() == [1, 3, 3, 3, 3]
    assert top_pool(column).flatten().tolist() == [3, 3, 3, 3, 0]
    assert bottom_pool(column).flatten().tolist() == [1, 3, 3, 3, 3]


def test_of_equal_values_the_first_gets_the_gradient() -> None:
    row = LINE.view(1, 1, 1, 5).requires_grad_()
    right_pool(row).sum().backward()
    assert row.grad is not None
    rightwards = row.grad.flatten().tolist()
    row.grad = None
    left_pool(row).sum().backward()

    assert rightwards == [1, 4, 0, 0, 0]
    assert row.grad.flatten().tolist() == [0, 0, 0, 4, 1]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dim", [2, 3])
def test_steps_and_doubling_give_the_same_values_and_gradients(
    dim: int, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.randint(4, (2, 3, 7, 10), generator=torch.Generator().manual_seed(0)).float()
    gradient = torch.randn(2, 3, 7, 10, generator=torch.Generator().manual_seed(1))

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        start = features.clone().requires_grad_()
        result = running_max(start, dim, backwards=backwards)
        result.backward(gradient)
        assert start.grad is not None
        return result.detach(), start.grad

    in_steps = both()
    monkeypatch.setattr(pooling, "_is_stepwise", lambda _: False)
    max_concurrency = both()

    assert (in_steps[0] == max_concurrency[0]).all()
    assert (in_steps[1] - max_concurrency[1]).abs().max() < 1e-5


def test_gradients_of_pools_are_those_of_finite_differences() -> None:
    features = torch.randn(1, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    for pool in (top_pool, bottom_pool, left_pool, right_pool):
        assert torch.autograd.gradcheck(pool, features.requires_grad_())


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_the_maximum_of_a_line_is_the_same_with_and_without_gradients(length: int) -> None:
    features = torch.randn(2, 3, length, 4, generator=torch.Generator().manual_seed(length))
    expected = features.amax(2, keepdim=True)

    assert (max_along(features, 2) == expected).all()
    assert (max_along(features.requires_grad_(), 2) == expected).all()


@pytest.mark.parametrize("build", [CornerPooling.top_left, CornerPooling.bottom_right, CenterPooling])
def test_pooling_layers_keep_the_shape_and_train_every_weight(build: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layers = build(6, 4)
    result = layers(torch.randn(2, 6, 5, 7))
    result.square().sum().backward()

    assert result.shape == (2, 6, 5, 7)
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in layers.parameters())


def test_features_of_a_top_left_corner_depend_on_what_is_right_and_below() -> None:
    """A change to the right of a cell and below it changes the cell; one to the left and above does not."""
    torch.manual_seed(0)
    layers = CornerPooling.top_left(4, 16).eval()
    with torch.no_grad():
        features = torch.randn(1, 4, 30, 30)
        plain = layers(features)

        def is_reached(y: int, x: int) -> bool:
            changed = features.clone()
            changed[:, ::2, y, x] += 100.0
            return bool((layers(changed) - plain)[..., 14:16, 14:16].abs().sum() > 0)

        assert is_reached(28, 15)
        assert is_reached(15, 28)
        assert not is_reached(2, 15)
        assert not is_reached(15, 2)


def test_pools_compile_and_export_to_the_same_numbers() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(CornerPooling.top_left(4, 4), CenterPooling(4, 4)).eval()
    features = torch.randn(1, 4, 6, 9)
    program = torch.export.export(layers, (features,)).module()

    with torch.no_grad():
        assert (program(features) - layers(features)).abs().max() < 1e-5
