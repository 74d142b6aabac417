"""The moving average of the weights."""

import pytest
import torch

from centernet.training.ema import ema_average


def test_the_average_forgets_the_random_start_soon_and_reaches_its_decay_later() -> None:
    average = ema_average(0.99)
    old, new = torch.zeros(1), torch.ones(1)

    assert average(old, new, torch.tensor(1)).item() == pytest.approx(1 - 2 / 11)
    assert average(old, new, torch.tensor(10_000)).item() == pytest.approx(0.01)
