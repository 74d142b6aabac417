"""What a run leaves behind after every epoch: a row of numbers and the weights, each file whole or absent."""

import csv
import io
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import torch.distributed

from centernet.detections import Detections
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import write_atomically
from centernet.training.ema import EMAWeights
from centernet.training.module import TrainingModule
from centernet.weights.files import save_file

Evaluate = Callable[[Sequence[Detections]], Mapping[str, float]]
"""Numbers of a validation, `AP` among them."""


class RunFolder(L.Callback):
    """Writes `results.csv` and `weights/{best,last}.safetensors`.

    Comes before the callback that averages weights, so that what is validated is what is saved.

    Args:
        folder: The run folder.
        predictor: What is trained.
        evaluate: Scores a validation; None where there is none.
        say: Takes one line for each epoch.
        averaging: Holds the mean of the weights, which is what is saved, if there is one.
    """

    def __init__(
        self,
        folder: Path,
        predictor: TorchPredictor,
        evaluate: Evaluate | None,
        say: Callable[[str], None],
        averaging: EMAWeights | None = None,
    ) -> None:
        self._folder = folder
        self._predictor = predictor
        self._evaluate = evaluate
        self._say = say
        self._averaging = averaging
        self._rows: list[dict[str, float]] = []
        self._best = -1.0
        self._metrics: Mapping[str, float] = {}
        self._since = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Goes into `last.ckpt`, so that a resumed run goes on with the same table."""
        return {"rows": self._rows, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Comes out of it."""
        self._rows, self._best = state_dict["rows"], state_dict["best"]

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock; the last epoch is validated, whatever `val_every` says."""
        del pl_module
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1
        self._since = time.monotonic()
        self._metrics = {}

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Scores what was found while the averaged weights are still in place, and saves them."""
        assert isinstance(pl_module, TrainingModule)
        assert self._evaluate is not None
        found = _gathered(pl_module.found)
        self._metrics = self._evaluate(found)
        reached = quality(self._metrics)
        # Early stopping reads it on every process, and all have scored the same detections.
        pl_module.log("AP", reached, sync_dist=True)
        if trainer.is_global_zero and not trainer.sanity_checking:
            save_file(self._predictor, self._folder / "weights" / "last.safetensors")
            if reached > self._best:
                self._best = reached
                save_file(self._predictor, self._folder / "weights" / "best.safetensors")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the row of the epoch."""
        assert isinstance(pl_module, TrainingModule)
        losses = {name: float(total) / pl_module.num_steps for name, total in pl_module.sums.items()}
        row: dict[str, float] = {
            "epoch": float(trainer.current_epoch + 1),
            "seconds": round(time.monotonic() - self._since, 2),
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "train/loss": sum(losses.values()),
            **{f"train/{name}": value for name, value in losses.items()},
        }
        if self._metrics:
            row["val/loss"] = float(trainer.callback_metrics["val/loss"])
            row |= {f"val/{name}": value for name, value in self._metrics.items()}
        self._rows.append(row)
        if trainer.is_global_zero:
            write_atomically(self._folder / "results.csv", _as_csv(self._rows).encode())
            if self._evaluate is None:
                with self._averaging.in_place(pl_module) if self._averaging else nullcontext():
                    save_file(self._predictor, self._folder / "weights" / "last.safetensors")
            self._say(line_of(self._rows, trainer.max_epochs or 0))


def quality(metrics: Mapping[str, float]) -> float:
    """The number that chooses the best weights: AP of boxes in 3D, else of keypoints, else of boxes.

    In 3D it is the mean of both protocols: the strict one alone stays 0 for long.
    """
    is_3d = (metrics.get("3D_AP", math.nan) + metrics.get("3D_AP_strict", math.nan)) / 2
    of_keypoints = metrics.get("OKS_AP", math.nan)
    known = [value for value in (is_3d, of_keypoints) if not math.isnan(value)]
    return known[0] if known else metrics["AP"]


def _gathered(found: list[Detections]) -> list[Detections]:
    """Detections of all processes, each image once."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return found
    parts: list[list[Detections]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, found)
    return list({one.image_id: one for part in parts for one in part}.values())


def _as_csv(rows: Sequence[dict[str, float]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        # What cannot be measured, such as the AP of objects there are none of, stays empty.
        writer.writerow({key: "" if math.isnan(value) else f"{value:.6g}" for key, value in row.items()})
    return text.getvalue()


def line_of(rows: Sequence[dict[str, float]], epochs: int) -> str:
    """What is said of the last of the epochs so far."""
    row = rows[-1]
    parts = [f"epoch {row['epoch']:.0f}/{epochs}", f"loss {row['train/loss']:.3f}"]
    if "val/AP" in row:
        parts.append(f"AP {row['val/AP']:.3f}, AP50 {row['val/AP50']:.3f}")
    if "val/OKS_AP" in row:
        parts[-1] += f", OKS AP {row['val/OKS_AP']:.3f}"
    if "val/3D_AP" in row:
        parts[-1] += f", 3D AP {row['val/3D_AP']:.3f}"
    # The mean of the last ten, of which some are measured on the validation images and some are not.
    left = (epochs - row["epoch"]) * statistics.fmean(one["seconds"] for one in rows[-10:])
    return "  ".join([*parts, f"{row['seconds']:.1f} s", f"about {left / 60:.1f} min left"])
