"""Cells of points, and values of maps at cells."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.ops.cells import cell_corners, cells_of, read


def test_the_cell_of_a_point_is_its_coordinates_rounded_down() -> None:
    cells = cells_of(torch.tensor([[2.9, 5.0], [0.0, 0.1]]), torch.tensor([1, 0]))

    assert cells.tolist() == [[1, 5, 2], [0, 0, 0]]


def test_reading_gives_every_channel_at_a_cell() -> None:
    maps = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)

    assert read(maps, torch.tensor([[1, 2, 3]])).tolist() == [maps[1, :, 2, 3].tolist()]
    assert read(maps, torch.tensor([[[0, 0, 0], [1, 3, 4]]])).shape == (1, 2, 3)


@given(st.floats(0, 1000, width=32), st.floats(0, 1000, width=32))
@settings(deadline=None)
def test_corner_and_offset_make_the_point(x: float, y: float) -> None:
    point = torch.tensor([[x, y]])
    corner = cell_corners(cells_of(point, torch.tensor([0])))
    offset = point - corner

    assert ((offset >= 0) & (offset < 1)).all()
    assert (corner + offset == point).all()
