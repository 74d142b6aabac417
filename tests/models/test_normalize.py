"""Pixels to what the network eats."""

import pytest
import torch

from centernet.models.normalize import Normalize


def test_mean_becomes_nothing_and_deviation_one() -> None:
    normalize = Normalize(mean=(0.0, 0.2, 1.0), std=(1.0, 0.2, 0.5))
    pixels = torch.tensor([255, 51, 0], dtype=torch.uint8).view(1, 3, 1, 1)

    assert normalize(pixels).flatten().tolist() == pytest.approx([1, 0, -2], abs=1e-6)


def test_blue_first_for_networks_that_see_it_so() -> None:
    pixels = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    normalize = Normalize(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), bgr=True)

    assert normalize(pixels).flatten().tolist() == pytest.approx([0.2, 0, 1])


def test_the_pixels_stay_as_they_were() -> None:
    pixels = torch.full((1, 3, 2, 2), 7, dtype=torch.uint8)
    Normalize()(pixels)

    assert (pixels == 7).all()
