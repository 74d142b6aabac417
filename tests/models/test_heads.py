"""Heads and their initialisation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from centernet.models.heads import HeadAtCells, build_head, start_small
from centernet.protocols import HeadSpec


def test_a_head_keeps_rows_and_columns_and_gives_its_channels() -> None:
    head = build_head(8, 4, HeadSpec(channels=5))

    assert head(torch.zeros(2, 8, 6, 7)).shape == (2, 5, 6, 7)


def test_a_head_starts_at_its_bias() -> None:
    head = build_head(8, 4, HeadSpec(channels=5, bias=-2.19))

    assert (head[2].bias == -2.19).all()


@pytest.mark.parametrize("hidden", [True, False])
def test_start_small_initialises_the_hidden_layer_only_if_asked(hidden: bool) -> None:
    torch.manual_seed(0)
    head = build_head(64, 32, HeadSpec(channels=2))
    before = head[0].weight.clone()
    start_small(head, hidden=hidden)

    assert isinstance(head[0], nn.Conv2d)
    assert (head[0].weight != before).any() == hidden
    assert head[2].weight.std().item() == pytest.approx(0.001, rel=0.5)
    assert not head[2].bias.any()


def test_the_last_convolution_runs_in_32_bits_where_the_network_runs_in_16() -> None:
    torch.manual_seed(0)
    head = build_head(8, 16, HeadSpec(channels=2))
    assert isinstance(head[2], nn.Conv2d)
    nn.init.constant_(head[2].bias, 100.0)
    features = torch.randn(1, 8, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        found = head(features)
        hidden = head[1](head[0](features)).float()

    assert found.dtype == torch.float32
    # Bfloat16 has steps of a half near a hundred.
    assert found.unique().numel() == found.numel()
    assert torch.equal(found, F.conv2d(hidden, head[2].weight, head[2].bias))


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cells_at_once", [6, 60], ids=["few cells", "the whole map is cheaper"])
def test_a_head_at_cells_gives_the_values_of_its_map(
    separable: bool, precision: torch.dtype, cells_at_once: int
) -> None:
    torch.manual_seed(0)
    head = build_head(8, 16, HeadSpec(channels=3), separable=separable)
    for _ in range(3):
        head(torch.randn(4, 8, 6, 7))  # Statistics of the batch normalisation.
    head.eval()
    features = torch.randn(2, 8, 5, 6)
    # All cells, including the border, as images, rows, columns.
    cells = torch.cartesian_prod(torch.arange(2), torch.arange(5), torch.arange(6)).view(2, 5, 6, 3)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        whole = head(features)
        calls: list[object] = []
        head.register_forward_hook(lambda *given: calls.append(given))
        at_cells = HeadAtCells(head, features)
        predicted = torch.cat([at_cells.at(some) for some in cells.view(-1, 3).split(cells_at_once)]).view(
            2, 5, 6, 3
        )

    assert len(calls) == (cells_at_once == 60)
    assert predicted.dtype == whole.dtype
    torch.testing.assert_close(
        predicted.movedim(3, 1), whole, **({} if precision == torch.float32 else {"rtol": 0.02, "atol": 0.01})
    )


def test_a_head_on_the_meta_device_gives_its_shape() -> None:
    head = build_head(8, 4, HeadSpec(channels=5)).to("meta")

    assert head(torch.zeros(2, 8, 6, 7, device="meta")).shape == (2, 5, 6, 7)
