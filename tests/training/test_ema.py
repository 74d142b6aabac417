"""The moving average of the weights."""

from typing import cast
from unittest.mock import create_autospec

import lightning as L
import pytest
import torch
from torch import nn

from centernet.training.ema import EMAWeights, kept_fraction


def test_the_average_forgets_the_random_start_soon_and_reaches_its_decay_later() -> None:
    assert kept_fraction(0.99, 1) == pytest.approx(2 / 11)
    assert kept_fraction(0.99, 10_000) == 0.99


class _Module(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))


def _trainer(step: int) -> L.Trainer:
    trainer = create_autospec(L.Trainer, instance=True)
    trainer.global_step = step
    return cast("L.Trainer", trainer)


def _after_steps(values: list[float]) -> tuple[EMAWeights, _Module]:
    """An average after steps that set all weights to a value, and the module."""
    module = _Module()
    average = EMAWeights(0.99)
    average.setup(_trainer(0), module, "fit")
    for step, value in enumerate(values, start=1):
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data.fill_(value)
        average.on_train_batch_end(_trainer(step), module, None, None, 0)
    return average, module


def test_the_average_starts_with_the_weights_after_the_first_step_and_moves_with_each() -> None:
    average, module = _after_steps([1.0, 12.0])
    with average.in_place(module):
        # 2/11 of 1 and 9/11 of 12; the count of batches is an integer and is taken over.
        assert module.layers[0].weight.item() == pytest.approx(10)
        assert module.layers[1].running_mean.item() == pytest.approx(10)
        assert module.layers[1].num_batches_tracked.item() == 12

    assert module.layers[0].weight.item() == 12


def test_a_batch_without_a_step_of_the_optimiser_does_not_move_the_average() -> None:
    average, module = _after_steps([1.0])
    for tensor in module.parameters():
        tensor.data.fill_(5.0)
    average.on_train_batch_end(_trainer(1), module, None, None, 0)

    with average.in_place(module):
        assert torch.equal(module.layers[0].bias, torch.ones(1))
