"""Exponential moving average (EMA) of the weights, kept beside those that are trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn


class EMAWeights(WeightAveraging):
    """Lightning's callback, whose average can also be used where nothing is validated.

    All weights move in one call: weight by weight, as in Lightning, the calls take 2 % of the training step
    of a small network on a processor.

    Args:
        decay: Fraction of the average that is kept at each step.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self._decay = decay
        self._pairs: _Pairs | None = None
        self._steps = 0

    @property
    def state_key(self) -> str:
        """The key of the state in `last.ckpt`, which earlier versions wrote too."""
        return "Averaging"

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves the average towards the weights after each step of the optimiser."""
        del outputs, batch, batch_idx
        if trainer.global_step <= self._latest_update_step:
            return
        assert self._average_model is not None
        if self._pairs is None:
            self._pairs = _Pairs(self._average_model.module, pl_module)
            # Read once, after a resumed run has loaded it: each reading would wait for a GPU.
            self._steps = int(self._average_model.n_averaged)
        self._pairs.move(kept=kept_fraction(self._decay, self._steps) if self._steps else 0.0)
        self._steps += 1
        self._average_model.n_averaged.fill_(self._steps)
        self._latest_update_step = trainer.global_step

    @contextmanager
    def in_place(self, module: L.LightningModule) -> Iterator[None]:
        """The module holds the averaged weights inside the `with` block."""
        self._swap_models(module)
        try:
            yield
        finally:
            self._swap_models(module)


def kept_fraction(decay: float, steps: int) -> float:
    """The fraction of the average that is kept: it grows up to `decay`, so that the start is soon forgotten.

    Args:
        decay: Largest fraction.
        steps: Steps that the average holds.
    """
    return min(decay, (1 + steps) / (10 + steps))


class _Pairs:
    """The parameters and buffers of an average and of the network in training, found once."""

    def __init__(self, averaged: nn.Module, current: nn.Module) -> None:
        pairs = list(zip(_tensors(averaged), _tensors(current), strict=True))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averaged, self._current = [one for one, _ in floats], [other for _, other in floats]
        # Counts of batches: they are copied.
        self._others = [pair for pair in pairs if not pair[0].is_floating_point()]

    def move(self, kept: float) -> None:
        torch._foreach_lerp_(self._averaged, self._current, 1 - kept)
        for averaged, current in self._others:
            averaged.copy_(current)


def _tensors(module: nn.Module) -> list[Tensor]:
    # `detach` shares the memory, in which both are changed in place throughout a training.
    return [tensor.detach() for tensor in (*module.parameters(), *module.buffers())]
