"""Exponential moving average (EMA) of the weights, kept beside those that are trained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging


class EMAWeights(WeightAveraging):
    """Lightning's callback, whose average can also be used where nothing is validated.

    Args:
        decay: Fraction of the average that is kept at each step.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=ema_average(decay))

    @property
    def state_key(self) -> str:
        """The key of the state in `last.ckpt`, which earlier versions wrote too."""
        return "Averaging"

    @contextmanager
    def in_place(self, module: L.LightningModule) -> Iterator[None]:
        """The module holds the averaged weights inside the `with` block."""
        self._swap_models(module)
        try:
            yield
        finally:
            self._swap_models(module)


def ema_average(decay: float) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """A moving average whose decay grows up to `decay`, so that the random start is soon forgotten."""

    def average(averaged: torch.Tensor, current: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        if not averaged.is_floating_point():
            return current
        kept = min(decay, (1 + float(count)) / (10 + float(count)))
        return averaged.lerp(current, 1 - kept)

    return average
