"""Box coders: encoding and decoding, under horizontal flips, and at every stride."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.ops.box_coders import BoxCoder, CenterSizeCoder, LTRBCoder, predict_at
from centernet.ops.center_boxes import CenterBoxes
from centernet.structures.batch import BatchAnnotations, Grid

CODERS: list[BoxCoder] = [CenterSizeCoder(size_weight=0.1, offset_weight=1.0), LTRBCoder(sides_weight=0.5)]
GRID = Grid(batch=1, height=16, width=24)


def boxes_of(rows: list[list[float]], grid: Grid = GRID) -> CenterBoxes:
    boxes = torch.tensor(rows, dtype=torch.float32).view(-1, 4)
    zeros = torch.zeros(len(boxes), dtype=torch.long)
    return CenterBoxes.of(BatchAnnotations(boxes=boxes, labels=zeros, image_index=zeros), grid)


@pytest.mark.parametrize("coder", CODERS, ids=lambda coder: type(coder).__name__)
@pytest.mark.parametrize("stride", [4, 8])
@given(
    corner=st.tuples(st.floats(0, 40), st.floats(0, 30)),
    size=st.tuples(st.floats(1, 40), st.floats(1, 25)),
    cell=st.tuples(st.integers(0, 7), st.integers(0, 11)),
)
@settings(max_examples=40, deadline=None)
def test_every_cell_can_code_any_box(
    coder: BoxCoder,
    stride: int,
    corner: tuple[float, float],
    size: tuple[float, float],
    cell: tuple[int, int],
) -> None:
    box = [*corner, corner[0] + size[0], corner[1] + size[1]]
    boxes = boxes_of([box], Grid(batch=1, height=64 // stride, width=96 // stride, stride=stride))
    cells, box_index = torch.tensor([[0, *cell]]), torch.tensor([0])
    predicted = coder.targets(boxes, cells, box_index, stride)

    assert coder.pixels(coder.boxes(predicted, cells), stride)[0].tolist() == pytest.approx(box, abs=1e-3)


def test_four_sides_by_hand() -> None:
    # In cells of four pixels, whose middle is 1.5 pixels from the first, cell (4, 6) is at (17.5, 25.5).
    boxes = boxes_of([[10, 20, 26, 28]])
    sides = CODERS[1].targets(boxes, torch.tensor([[0, 6, 4]]), torch.tensor([0]), 4)["sides"]

    assert (4 * sides).tolist() == [[7.5, 5.5, 8.5, 2.5]]


def test_a_horizontal_flip_swaps_left_and_right_and_changes_nothing_else() -> None:
    width = GRID.width * GRID.stride
    box = [10.0, 20.0, 27.0, 29.0]
    boxes = boxes_of([box, [width - 1 - box[2], box[1], width - 1 - box[0], box[3]]])
    cells = torch.tensor([[0, 6, 4], [0, 6, GRID.width - 1 - 4]])
    plain, flipped = CODERS[1].targets(boxes, cells, torch.arange(2), 4)["sides"]

    assert flipped.tolist() == pytest.approx(plain[[2, 1, 0, 3]].tolist(), abs=1e-5)


def test_sides_of_a_flipped_image_merge_into_those_of_the_image() -> None:
    sides = torch.randn(2, 4, 16, 24, generator=torch.Generator().manual_seed(0))
    flipped = sides.flip(3)[:, [2, 1, 0, 3]]

    assert torch.allclose(CODERS[1].merge_flipped({"sides": sides}, {"sides": flipped})["sides"], sides)


@pytest.mark.parametrize("coder", CODERS, ids=lambda coder: type(coder).__name__)
def test_losses_are_weighted_by_cell(coder: BoxCoder) -> None:
    cells, weights = torch.tensor([[0, 1, 1], [0, 5, 5]]), torch.tensor([3.0, 1.0])
    boxes = boxes_of([[0, 0, 10, 10], [20, 20, 40, 40]])
    targets = coder.targets(boxes, cells, torch.arange(2), 4)

    def error_at(place: int) -> float:
        maps = {name: torch.zeros(1, spec.channels, 16, 24) for name, spec in coder.heads.items()}
        for name in maps:
            for cell, value in zip(cells.tolist(), targets[name], strict=True):
                maps[name][0, :, cell[1], cell[2]] = value
            maps[name][0, :, cells[place, 1], cells[place, 2]] += 1
        terms: list[Tensor] = list(coder.losses(predict_at(coder, maps, cells), targets, weights).values())
        return float(torch.stack(terms).sum())

    assert error_at(0) == pytest.approx(3 * error_at(1), rel=1e-3)
    assert error_at(0) + error_at(1) == pytest.approx(
        float(torch.stack([torch.tensor(weight) for weight in vars(coder).values()]).sum()), rel=1e-3
    )
