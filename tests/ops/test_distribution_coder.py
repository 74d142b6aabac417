"""Boxes as distributions over distances: bins by hand, losses at their least, and flips."""

import math

import pytest
import torch
from torch import Tensor

from centernet.ops.box_coders import predict_at
from centernet.ops.center_boxes import CenterBoxes
from centernet.ops.distribution_coder import DistributionCoder
from centernet.structures.batch import BatchAnnotations, Grid

CODER = DistributionCoder(sides_weight=0.5, scale=3.0, bins=17)
DISTANCES = [3 * math.sinh(k / 4) / math.sinh(1) for k in range(17)]
"""Of the bins of `CODER`, in cells: the fifth is at the scale, the last at 70 cells."""


def certain_of(bins: list[int]) -> Tensor:
    """Values of the map with which left, top, right and bottom are in these bins."""
    return 100.0 * torch.nn.functional.one_hot(torch.tensor(bins), 17).flatten()[None]


def logits_of(sides: Tensor) -> Tensor:
    """Values of the map whose distributions lie on the two bins next to each side and have it as mean."""
    distances = torch.tensor(DISTANCES)
    upper = torch.searchsorted(distances, sides).clamp(min=1)
    fraction = (sides - distances[upper - 1]) / (distances[upper] - distances[upper - 1])
    p = torch.zeros(*sides.shape, 17)
    p.scatter_(-1, upper[..., None] - 1, 1 - fraction[..., None]).scatter_(
        -1, upper[..., None], fraction[..., None]
    )
    prior = torch.tensor([-((k - 4) ** 2) / 8 for k in range(17)])
    return ((p + 1e-12).log() - prior).flatten(-2)


def loss_at(values: Tensor, sides: Tensor) -> dict[str, float]:
    terms = CODER.losses(CODER.decode({"sides": values}), {"sides": sides})
    return {name: term.item() for name, term in terms.items()}


def test_a_certain_bin_decodes_to_its_distance() -> None:
    sides = CODER.decode({"sides": certain_of([0, 4, 8, 16])})["sides"]

    assert sides[0].tolist() == pytest.approx([DISTANCES[k] for k in (0, 4, 8, 16)], abs=1e-4)
    assert sides[0, 1].item() == pytest.approx(3.0)


@pytest.mark.parametrize("scale", [0.7, 3.0, 40.0])
def test_an_untrained_head_says_about_the_typical_distance(scale: float) -> None:
    coder = DistributionCoder(sides_weight=0.5, scale=scale, bins=17)
    sides = coder.decode({"sides": torch.zeros(1, 4 * 17)})["sides"]

    assert (sides == sides[0, 0]).all()
    assert 0.9 * scale < sides[0, 0].item() < 1.5 * scale


def test_boxes_come_back_from_maps_that_hold_them() -> None:
    grid = Grid(batch=1, height=64, width=64)
    rows = torch.tensor([[10.0, 20.0, 60.0, 33.0], [100.0, 3.0, 103.0, 250.0], [80.0, 80.0, 81.0, 84.0]])
    zeros = torch.zeros(len(rows), dtype=torch.long)
    boxes = CenterBoxes.of(BatchAnnotations(boxes=rows, labels=zeros, image_index=zeros), grid)
    sides = CODER.targets(boxes, boxes.cells, torch.arange(3), 4)["sides"]
    maps = {"sides": torch.zeros(1, 4 * 17, 64, 64)}
    _, y, x = boxes.cells.unbind(1)
    maps["sides"][0, :, y, x] = logits_of(sides.clamp(min=0)).T
    found = CODER.pixels(CODER.boxes(predict_at(CODER, maps, boxes.cells), boxes.cells), 4)

    # The middle of the cell that holds a narrow object's centre may lie outside the box.
    assert (sides[:2] > 0).all()
    torch.testing.assert_close(found[:2], rows[:2], rtol=0, atol=1e-2)
    assert (found[2] - rows[2]).abs().max() < 2


def test_the_loss_is_least_at_the_target() -> None:
    sides = torch.tensor([[0.0, 0.4, 2.0, 60.0]])
    values = logits_of(sides).requires_grad_()
    terms = CODER.losses(CODER.decode({"sides": values}), {"sides": sides})
    slope = torch.autograd.grad(terms["side_bins"], values)[0]

    assert terms["sides"].item() == pytest.approx(0, abs=1e-4)
    assert slope.abs().max() < 1e-4
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = loss_at(values.detach() + torch.randn(values.shape, generator=generator), sides)
        assert other["side_bins"] > terms["side_bins"].item()
        assert other["sides"] > terms["sides"].item()


def test_the_loss_by_hand() -> None:
    # Certain of the scale, which is the target: nothing. One bin further: L1 over the scale, by the weight.
    sides = torch.full((1, 4), 3.0)

    assert loss_at(certain_of([4] * 4), sides)["side_bins"] == pytest.approx(0, abs=1e-3)
    far = loss_at(certain_of([5] * 4), sides)
    assert far["sides"] == pytest.approx(0.5 * (DISTANCES[5] - 3) / 3, rel=1e-3)
    # 100 is added to the logit of a bin, whose prior is 1/8 lower.
    assert far["side_bins"] == pytest.approx(0.5 * 3 * (100 - 1 / 8), rel=1e-3)


def test_targets_beyond_the_bins_are_learned_as_the_outermost_bins() -> None:
    beyond, outermost = torch.tensor([[-2.0, 500.0, -1.0, 90.0]]), torch.tensor([0.0, DISTANCES[16]] * 2)
    values = torch.randn(1, 4 * 17, generator=torch.Generator().manual_seed(0))

    assert loss_at(values, beyond)["side_bins"] == pytest.approx(
        loss_at(values, outermost[None])["side_bins"]
    )
    assert loss_at(certain_of([0, 16, 0, 16]), beyond)["side_bins"] == pytest.approx(0, abs=1e-3)


def test_without_objects_the_losses_are_zero() -> None:
    assert loss_at(torch.zeros(0, 4 * 17), torch.zeros(0, 4)) == {"sides": 0, "side_bins": 0}


def test_losses_are_weighted_by_cell() -> None:
    sides = torch.full((2, 4), 3.0)
    values = torch.cat([certain_of([5] * 4), certain_of([4] * 4)])
    predicted = CODER.decode({"sides": values})
    first, second = (
        CODER.losses(predicted, {"sides": sides}, torch.tensor(weights))
        for weights in ([3.0, 1.0], [1.0, 3.0])
    )

    for name in first:
        assert first[name].item() == pytest.approx(3 * second[name].item(), rel=1e-2)


def test_maps_of_a_flipped_image_merge_into_those_of_the_image() -> None:
    maps = torch.randn(2, 4, 17, 5, 7, generator=torch.Generator().manual_seed(0))
    flipped = maps.flip(4)[:, [2, 1, 0, 3]]
    merged = CODER.merge_flipped({"sides": maps.flatten(1, 2)}, {"sides": flipped.flatten(1, 2)})["sides"]
    cells = torch.tensor([[0, 1, 1], [1, 4, 6]])
    plain, both = (predict_at(CODER, {"sides": one}, cells)["sides"] for one in (maps.flatten(1, 2), merged))

    torch.testing.assert_close(both, plain, rtol=1e-4, atol=1e-4)


def test_two_distributions_merge_into_their_mean_with_left_and_right_swapped() -> None:
    maps, flipped = torch.zeros(2, 1, 4 * 17, 1, 1)
    maps[0, :, 0, 0] = certain_of([2, 3, 4, 5])
    flipped[0, :, 0, 0] = certain_of([8, 9, 10, 11])
    merged = CODER.merge_flipped({"sides": maps}, {"sides": flipped})
    predicted = predict_at(CODER, merged, torch.zeros(1, 3, dtype=torch.long))
    p = predicted["side_logits"].softmax(dim=-1)[0]

    pairs = [(2, 10), (3, 9), (4, 8), (5, 11)]
    for side, pair in zip(p, pairs, strict=True):
        assert side[list(pair)].tolist() == pytest.approx([0.5, 0.5], abs=1e-5)
    assert predicted["sides"][0].tolist() == pytest.approx(
        [(DISTANCES[i] + DISTANCES[j]) / 2 for i, j in pairs], rel=1e-4
    )


@pytest.mark.parametrize(("weight", "scale", "bins"), [(0.5, 3.0, 1), (0.5, 0.0, 17), (0.0, 3.0, 17)])
def test_settings_that_do_not_fit_are_refused(weight: float, scale: float, bins: int) -> None:
    with pytest.raises(ValueError, match=f"from 2 on, with .* above 0; got {bins}, {scale} and {weight}"):
        DistributionCoder(sides_weight=weight, scale=scale, bins=bins)
