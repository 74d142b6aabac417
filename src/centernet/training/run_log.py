"""The files a run writes after every epoch: its row of `results.csv` and the weights.

The folder itself, and what is written into it before training, is in `run_folder`.
"""

import csv
import io
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lightning as L
import torch.distributed

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import write_atomically
from centernet.structures.thresholds import UNKNOWN, Thresholds
from centernet.training.ema import EMAWeights
from centernet.training.module import TrainingModule
from centernet.training.timetable import Timetable
from centernet.weights.files import save_file

Evaluate = Callable[[Sequence[Detections]], "Validated"]
"""Measures the detections of a validation."""


@dataclass(frozen=True, kw_only=True)
class Validated:
    """What a validation found.

    Attributes:
        metrics: Metrics by name, `AP` among them, and the `temperature` fitted on the detections.
        thresholds: Scores from which detections count, before the temperature.
    """

    metrics: Mapping[str, float]
    thresholds: Thresholds = UNKNOWN


class RunLog(L.Callback):
    """Writes `results.csv` and `weights/{best,last}.safetensors`, each file whole or not at all.

    Must come before the callback that averages weights, so that the weights validated are the weights saved.

    Args:
        folder: The run folder.
        predictor: The predictor in training.
        evaluate: Computes the metrics of a validation; None if there is none.
        say: Takes one line for each epoch.
        timetable: Says when the training ends.
        ema: Holds the moving average of the weights, which is saved instead of them, if there is one.
    """

    def __init__(
        self,
        folder: Path,
        predictor: TorchPredictor,
        evaluate: Evaluate | None,
        say: Callable[[str], None],
        timetable: Timetable,
        ema: EMAWeights | None = None,
    ) -> None:
        self._folder = folder
        self._predictor = predictor
        self._evaluate = evaluate
        self._say = say
        self._timetable = timetable
        self._ema = ema
        self._rows: list[dict[str, float]] = []
        self._best = -1.0
        self._metrics: Mapping[str, float] = {}
        self._since = time.monotonic()

    @property
    def state_key(self) -> str:
        """The key of the state in `last.ckpt`, which earlier versions wrote too."""
        return "RunFolder"

    def state_dict(self) -> dict[str, Any]:
        """The rows and the best score so far, kept in `last.ckpt` for a resumed run."""
        return {"rows": self._rows, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the rows and the best score."""
        self._rows, self._best = state_dict["rows"], state_dict["best"]

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock; the last epoch is validated with any `val_every`."""
        del pl_module
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1
        self._since = time.monotonic()
        self._metrics = {}

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluates the detections and saves the averaged weights while they are in place."""
        assert isinstance(pl_module, TrainingModule)
        assert self._evaluate is not None
        validated = self._evaluate(_gathered(pl_module.found))
        self._metrics = validated.metrics
        reached = selection_metric(self._metrics)
        # Early stopping reads it in every process, and all processes evaluate the same detections.
        pl_module.log("AP", reached, sync_dist=True)
        if trainer.is_global_zero and not trainer.sanity_checking:
            predictor = calibrated(self._predictor, validated)
            save_file(predictor, self._folder / "weights" / "last.safetensors")
            if reached > self._best:
                self._best = reached
                save_file(predictor, self._folder / "weights" / "best.safetensors")

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
                with self._ema.in_place(pl_module) if self._ema else nullcontext():
                    save_file(self._predictor, self._folder / "weights" / "last.safetensors")
            self._say(epoch_line(self._rows, self._timetable))


def calibrated(predictor: TorchPredictor, validated: Validated) -> TorchPredictor:
    """The predictor with the thresholds of a validation, and with its `temperature` if the task has one."""
    thresholds = validated.thresholds
    try:
        temperature = validated.metrics["temperature"]
        task = predictor.task.with_settings(temperature=temperature)
    except (KeyError, UsageError):
        return replace(predictor, thresholds=thresholds)
    return replace(predictor, task=task, thresholds=thresholds.at_temperature(temperature))


def selection_metric(metrics: Mapping[str, float]) -> float:
    """The metric by which the best weights are selected: AP of 3D boxes, else of keypoints, else of boxes.

    For 3D boxes it is the mean of both protocols: the strict one alone stays 0 for many epochs.
    """
    of_boxes3d = (metrics.get("3D_AP", math.nan) + metrics.get("3D_AP_strict", math.nan)) / 2
    of_keypoints = metrics.get("OKS_AP", math.nan)
    known = [value for value in (of_boxes3d, of_keypoints) if not math.isnan(value)]
    return known[0] if known else metrics["AP"]


def epoch_line(rows: Sequence[dict[str, float]], timetable: Timetable) -> str:
    """The line that is printed about the last row, with the best AP so far and the time left.

    Args:
        rows: Rows of the finished epochs.
        timetable: That of the run.
    """
    row, epochs = rows[-1], timetable.recipe.epochs
    of_all = "" if timetable.is_timed else f"/{epochs}"
    parts = [f"epoch {row['epoch']:.0f}{of_all}", f"loss {row['train/loss']:.3f}"]
    if "val/AP" in row:
        parts.append(f"AP {row['val/AP']:.3f}, AP50 {row['val/AP50']:.3f}")
    if "val/OKS_AP" in row:
        parts[-1] += f", OKS AP {row['val/OKS_AP']:.3f}"
    if "val/3D_AP" in row:
        parts[-1] += f", 3D AP {row['val/3D_AP']:.3f}"
    scored = {other["epoch"]: _selection_score(other) for other in rows if "val/AP" in other}
    best = max(scored, key=lambda epoch: (scored[epoch], -epoch), default=0.0)
    if row["epoch"] in scored and best != row["epoch"]:
        parts[-1] += f", best in epoch {best:.0f} ({scored[best]:.3f})"
    if timetable.is_timed:
        return "  ".join([*parts, f"{row['seconds']:.1f} s", _end(timetable.seconds_left)])
    # The mean over the last ten epochs, of which some include a validation and some do not.
    left = (epochs - row["epoch"]) * statistics.fmean(other["seconds"] for other in rows[-10:])
    return "  ".join([*parts, f"{row['seconds']:.1f} s", _end(left)])


def _selection_score(row: Mapping[str, float]) -> float:
    """The metric of a validated row by which the best weights are selected; -1 if it is not a number."""
    score = selection_metric({key.removeprefix("val/"): value for key, value in row.items()})
    return -1.0 if math.isnan(score) else score


def _end(seconds: float) -> str:
    """The time left, and the time of day when it is over."""
    at = datetime.now(UTC).astimezone() + timedelta(seconds=max(0.0, seconds))
    return f"about {max(0.0, seconds) / 60:.1f} min left, until {at:%H:%M}"


def _gathered(found: list[Detections]) -> list[Detections]:
    """Detections of all processes, each image once."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return found
    parts: list[list[Detections]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, found)
    return list({detections.image_id: detections for part in parts for detections in part}.values())


def _as_csv(rows: Sequence[dict[str, float]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        # NaN, such as the AP of a class without objects, is left empty.
        writer.writerow({key: "" if math.isnan(value) else f"{value:.6g}" for key, value in row.items()})
    return text.getvalue()
