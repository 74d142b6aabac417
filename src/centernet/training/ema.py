"""A moving average of the weights, beside those that learn."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
from lightning.pytorch.callbacks import WeightAveraging

from centernet.training.optim import ema_average


class EMAWeights(WeightAveraging):
    """Lightning's callback, whose average can also be looked at where nothing is validated.

    Args:
        decay: How much of the average stays at each step.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=ema_average(decay))

    @contextmanager
    def in_place(self, module: L.LightningModule) -> Iterator[None]:
        """The module holds the average as long as this lasts."""
        self._swap_models(module)
        try:
            yield
        finally:
            self._swap_models(module)
