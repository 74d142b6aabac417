"""Normalisation of pixels."""

import pytest
import torch

from centernet.models.normalize import Normalize


def test_the_mean_becomes_zero_and_the_deviation_one() -> None:
    normalize = Normalize(mean=(0.0, 0.2, 1.0), std=(1.0, 0.2, 0.5))
    pixels = torch.tensor([255, 51, 0], dtype=torch.uint8).view(1, 3, 1, 1)

    assert normalize(pixels).flatten().tolist() == pytest.approx([1, 0, -2], abs=1e-6)


def test_bgr_networks_get_blue_first() -> None:
    pixels = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    normalize = Normalize(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), bgr=True)

    assert normalize(pixels).flatten().tolist() == pytest.approx([0.2, 0, 1])


def test_the_pixels_are_not_changed() -> None:
    pixels = torch.full((1, 3, 2, 2), 7, dtype=torch.uint8)
    Normalize()(pixels)

    assert (pixels == 7).all()


@pytest.mark.parametrize("bgr", [False, True])
def test_the_order_in_memory_changes_no_number(bgr: bool) -> None:
    pixels = torch.randint(
        0, 256, (2, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    normalize = Normalize(bgr=bgr)

    assert torch.equal(
        normalize(pixels.contiguous(memory_format=torch.channels_last)), normalize(pixels.contiguous())
    )
