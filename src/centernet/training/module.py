"""The steps of training and validation that Lightning runs."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer

from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.inference.predictor import TorchPredictor, to_detections
from centernet.protocols import Maps
from centernet.structures.batch import Batch, Grid
from centernet.training.freezing import encoder_of, frozen_modules
from centernet.training.optim import build_optimizer, build_schedule
from centernet.training.timetable import Timetable


class TrainingModule(L.LightningModule):
    """A network in training, with its task, optimiser and learning rate schedule.

    Args:
        predictor: The network, and its task.
        timetable: Recipe and schedule.
        kept: Says which weights are kept if the loss is not finite, and what to do.

    Attributes:
        found: Detections of the validation that is running, or of the last one, in image pixels.
        sums: Sum over the steps of this epoch of each loss term.
        num_steps: Steps of this epoch so far.
    """

    def __init__(
        self,
        predictor: TorchPredictor,
        timetable: Timetable,
        kept: Callable[[], str] = lambda: "begin again with a lower lr",
    ) -> None:
        super().__init__()
        self.network = predictor.network
        self.found: list[Detections] = []
        self.sums: dict[str, Tensor] = {}
        self.num_steps = 0
        self._predictor = predictor
        self._timetable = timetable
        self._kept = kept
        self._frozen = frozen_modules(predictor.network, timetable.recipe)

    def train(self, mode: bool = True) -> Any:
        """Training or evaluation mode; frozen parts stay in evaluation mode, so their statistics stay."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch.

        Raises:
            InputError: The loss is not finite.
        """
        del batch_index
        stacks = self._stacks(batch)
        terms = self._loss_terms(batch, stacks)
        loss = torch.stack(list(terms.values())).sum()
        if not bool(loss.isfinite()):
            broken = ", ".join(name for name, value in terms.items() if not bool(value.isfinite()))
            more = f" and {len(batch.views) - 1} more" if len(batch.views) > 1 else ""
            raise InputError(
                f"the loss is not finite ({broken}) in epoch {self.current_epoch + 1} at "
                f"{batch.views[0].name}{more}: check these images; {self._kept()}"
            )
        self._count(terms)
        self.log("loss", loss.detach(), prog_bar=True, batch_size=len(batch.images))
        return loss

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch alone; nothing is counted or logged."""
        stacks = self._stacks(batch)
        return torch.stack(list(self._loss_terms(batch, stacks).values())).sum()

    def on_train_epoch_start(self) -> None:
        """Sets the sums to zero."""
        self.sums, self.num_steps = {}, 0

    def on_validation_epoch_start(self) -> None:
        """Drops the detections of the last validation."""
        self.found = []

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Keeps the detections, and logs the loss for the curves."""
        del batch_index
        stacks = self._stacks(batch)
        task = self._predictor.task
        outputs = task.decode(stacks[-1], self.network.stride)
        self.found += to_detections(outputs, task.outputs, batch, self._predictor.categories)
        loss = torch.stack(list(self._loss_terms(batch, stacks).values())).sum()
        self.log("val/loss", loss, batch_size=len(batch.images), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Optimiser and learning rate schedule of the recipe; the rate changes at every step."""
        recipe = self._timetable.recipe
        optimizer = build_optimizer(self.network, recipe, encoder_of(self.network, recipe))
        schedule = build_schedule(optimizer, self._timetable)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Limits the norm of the gradient; Lightning's own step refuses fused optimisers in 16 bits."""
        del gradient_clip_algorithm
        if gradient_clip_val:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, gradient_clip_val)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on a device."""
        del dataloader_idx
        return batch.to(device)

    def _stacks(self, batch: Batch) -> list[Maps]:
        """The maps of a batch, for each stack.

        Raises:
            UsageError: The batch has one image, and its coarsest map is a single cell.
        """
        try:
            stacks: list[Maps] = self.network(self._predictor.normalize(batch.images), at_cells=True)
        except ValueError as error:
            if not str(error).startswith("Expected more than 1 value per channel"):
                raise
            raise UsageError(
                f"the coarsest map of imgsz={self._timetable.recipe.imgsz} is one cell, and one image is "
                "left for a batch: choose a larger imgsz or another batch"
            ) from error
        return stacks

    def _loss_terms(self, batch: Batch, stacks: list[Maps]) -> dict[str, Tensor]:
        """Loss terms, averaged over the stacks of the network."""
        count, _, height, width = batch.images.shape
        stride = self.network.stride
        grid = Grid(
            batch=count,
            height=height // stride,
            width=width // stride,
            stride=stride,
            # Metal knows neither sparse tensors nor double precision.
            sparse=batch.images.device.type in ("cpu", "cuda", "xpu"),
        )
        targets = self._predictor.task.encode(batch.objects, grid)
        terms = [self._predictor.task.loss(maps, targets) for maps in stacks]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def _count(self, terms: dict[str, Tensor]) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, torch.zeros((), device=value.device)) + value.detach()
        self.num_steps += 1
