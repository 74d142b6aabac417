"""The cells at which boxes are learned."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.ops.center_boxes import CenterBoxes
from centernet.structures.batch import BatchAnnotations, Grid

GRID = Grid(batch=2, height=24, width=32)


def boxes_of(rows: list[list[float]], images: list[int] | None = None) -> CenterBoxes:
    boxes = torch.tensor(rows, dtype=torch.float32).view(-1, 4)
    labels = torch.zeros(len(boxes), dtype=torch.long)
    return CenterBoxes.of(
        BatchAnnotations(boxes=boxes, labels=labels, image_index=torch.tensor(images) if images else labels),
        GRID,
    )


def test_the_central_region_of_a_box_by_hand() -> None:
    # 10 and 6 cells wide and high: radii of int(10 / 2 * 0.54) = 2 and int(6 / 2 * 0.54) = 1 cells.
    boxes = boxes_of([[40, 40, 80, 64]])
    cells, box_index, weights = boxes.central_cells(0.54, 0, GRID)

    assert sorted(set(cells[:, 2].tolist())) == [13, 14, 15, 16, 17]
    assert sorted(set(cells[:, 1].tolist())) == [12, 13, 14]
    assert box_index.tolist() == [0] * 15
    # Sigmas of 5 / 6 and 3 / 6 cells.
    at = {(y, x): weight for (_, y, x), weight in zip(cells.tolist(), weights.tolist(), strict=True)}
    assert at[13, 17] / at[13, 15] == pytest.approx(math.exp(-(2**2) / 2 / (5 / 6) ** 2))
    assert at[14, 15] / at[13, 15] == pytest.approx(math.exp(-(1**2) / 2 / 0.5**2))


@given(
    st.floats(4, 60),
    st.floats(4, 60),
    st.floats(0, 1),
    st.integers(0, 2),
    st.floats(0, 120),
    st.floats(0, 88),
)
@settings(max_examples=80, deadline=None)
def test_weights_of_a_single_box_sum_to_the_logarithm_of_its_clipped_area(
    width: float, height: float, fraction: float, radius: int, x: float, y: float
) -> None:
    boxes = boxes_of([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]])
    cells, _, weights = boxes.central_cells(fraction, radius, GRID)
    area = float(boxes.size.prod()) * GRID.stride**2

    assert float(weights.sum()) == pytest.approx(math.log1p(area), rel=1e-4)
    assert (weights > 0).all()
    assert boxes.cells[0].tolist() in cells.tolist()
    assert (cells[:, 1] < GRID.height).all()
    assert (cells[:, 2] < GRID.width).all()
    assert (cells >= 0).all()


def test_the_minimum_radius_is_that_of_spread() -> None:
    boxes = boxes_of([[40, 40, 44, 44], [0, 0, 4, 4]])
    central, _, _ = boxes.central_cells(0.54, 1, GRID)
    spread, _ = boxes.spread(1, GRID)

    assert sorted(central.tolist()) == sorted(spread.tolist())


def test_a_cell_belongs_to_the_smallest_box_but_a_centre_cell_to_its_own() -> None:
    # The centre of the large box, cell (12, 12), lies in the central region of the small one, one cell aside.
    boxes = boxes_of([[10, 10, 90, 90], [36, 44, 76, 64]])
    cells, box_index, _ = boxes.central_cells(0.9, 0, GRID)
    box_of_cell = {tuple(cell): box for cell, box in zip(cells.tolist(), box_index.tolist(), strict=True)}

    assert len(box_of_cell) == len(cells)
    assert box_of_cell[0, 12, 12] == 0
    assert box_of_cell[0, 13, 14] == 1
    assert box_of_cell[0, 12, 13] == 1
    assert box_of_cell[0, 6, 12] == 0


def test_boxes_of_different_images_do_not_share_cells() -> None:
    rows = [[10.0, 10, 90, 90], [36.0, 44, 76, 64]]
    together = boxes_of(rows, [0, 1]).central_cells(0.54, 0, GRID)[2]
    alone = [boxes_of([row]).central_cells(0.54, 0, GRID)[2] for row in rows]

    assert together.tolist() == pytest.approx(torch.cat(alone).tolist())


def test_a_flipped_box_is_learned_at_flipped_cells() -> None:
    # The centre of the box is the corner of a cell, and of the neighbouring cell after the flip.
    width = GRID.width * GRID.stride
    cells, _, weights = boxes_of([[40, 40, 88, 64]]).central_cells(0.54, 0, GRID)
    flipped_cells, _, flipped_weights = boxes_of([[width - 4 - 88, 40, width - 4 - 40, 64]]).central_cells(
        0.54, 0, GRID
    )
    plain = {(y, x): weight for (_, y, x), weight in zip(cells.tolist(), weights.tolist(), strict=True)}
    flipped = {
        (y, GRID.width - 1 - x): weight
        for (_, y, x), weight in zip(flipped_cells.tolist(), flipped_weights.tolist(), strict=True)
    }

    assert plain == pytest.approx(flipped)
