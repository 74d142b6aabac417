"""Gaussians and their radii, by definition and by symmetry."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.geometry.boxes import iou_matrix
from centernet.ops.gaussian import draw_gaussians, exact_radius, original_radius
from centernet.structures.batch import Grid

GRID = Grid(batch=1, height=20, width=30)


def draw(
    cells: list[list[int]], radii: list[int], channels: list[int] | None = None, grid: Grid = GRID
) -> Tensor:
    count = max(channels or [0]) + 1
    return draw_gaussians(
        grid,
        count,
        torch.tensor(cells).view(-1, 3),
        torch.tensor(channels or [0] * len(cells), dtype=torch.long),
        torch.tensor(radii, dtype=torch.long),
    )


sides = st.floats(1, 200, width=32)


@given(sides, sides, st.sampled_from([0.3, 0.5, 0.7, 0.9]))
@settings(deadline=None)
def test_exact_radius_keeps_the_overlap_in_the_worst_case(
    width: float, height: float, overlap: float
) -> None:
    radius = exact_radius(torch.tensor([[width, height]], dtype=torch.float64), overlap).item()
    ground_truth = np.array([[0, 0, width, height]])
    shifted = ground_truth + radius
    smaller = ground_truth + np.array([radius, radius, -radius, -radius])
    larger = ground_truth - np.array([radius, radius, -radius, -radius])
    overlaps = [iou_matrix(ground_truth, box).item() for box in (shifted, smaller, larger)]

    assert min(overlaps) == pytest.approx(overlap, abs=1e-6)


@pytest.mark.parametrize("rule", [exact_radius, original_radius])
def test_radii_do_not_depend_on_the_axis_and_grow_with_the_box(
    rule: Callable[[Tensor, float], Tensor],
) -> None:
    sizes = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 50 + 1

    assert rule(sizes, 0.7) == pytest.approx(rule(sizes.flip(1), 0.7))
    assert rule(3 * sizes, 0.7) == pytest.approx(3 * rule(sizes, 0.7), rel=1e-4)
    assert (rule(sizes, 0.5) > rule(sizes, 0.7)).all()


def test_a_gaussian_by_hand() -> None:
    heatmap = draw([[0, 10, 15]], [1])[0, 0]

    # sigma is 1/2: one step away exp(−2), diagonally exp(−4).
    assert heatmap[10, 15] == 1
    assert heatmap[9, 15].item() == heatmap[10, 16].item() == pytest.approx(np.exp(-2))
    assert heatmap[11, 14].item() == pytest.approx(np.exp(-4))
    assert (heatmap > 0).sum() == 9


def test_radius_zero_is_a_single_cell() -> None:
    assert draw([[0, 3, 4]], [0]).nonzero().tolist() == [[0, 0, 3, 4]]


def test_the_border_clips_a_gaussian_and_nothing_wraps_around() -> None:
    whole = draw([[0, 10, 15]], [8])[0, 0]
    for y, x in [(0, 0), (0, 29), (19, 0), (19, 29)]:
        clipped = draw([[0, y, x]], [8])[0, 0]
        expected = torch.zeros(20, 30)
        for row, column in np.ndindex(20, 30):
            if abs(row - y) <= 8 and abs(column - x) <= 8:
                expected[row, column] = whole[10 + row - y, 15 + column - x]
        assert (clipped == expected).all()


def test_where_gaussians_overlap_the_larger_value_is_kept_in_any_order() -> None:
    cells, radii = [[0, 10, 12], [0, 11, 15], [0, 9, 13]], [4, 2, 6]
    together = draw(cells, radii)
    separate = torch.stack([draw([cell], [radius]) for cell, radius in zip(cells, radii, strict=True)])

    assert (together == separate.amax(0)).all()
    assert (together == draw(cells[::-1], radii[::-1])).all()


def test_images_and_channels_are_independent() -> None:
    grid = Grid(batch=2, height=20, width=30)
    heatmap = draw([[0, 19, 29], [1, 0, 0]], [5, 5], channels=[1, 0], grid=grid)

    assert heatmap.flatten(2).sum(2).bool().tolist() == [[False, True], [True, False]]
    assert (heatmap[0, 1] == heatmap[1, 0].flip(0, 1)).all()


def test_without_gaussians_the_map_is_empty() -> None:
    heatmap = draw_gaussians(
        GRID, 3, torch.zeros(0, 3, dtype=torch.long), *[torch.zeros(0, dtype=torch.long)] * 2
    )

    assert heatmap.shape == (1, 3, 20, 30)
    assert not heatmap.any()
