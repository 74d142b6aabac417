"""The files a run writes after epochs: its row of `results.csv` and the weights.

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
from centernet.errors import InputError, UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import write_atomically
from centernet.structures.thresholds import UNKNOWN, Thresholds
from centernet.training.checkpoints import WritingPace, is_last_epoch
from centernet.training.ema import EMAWeights
from centernet.training.module import TrainingModule
from centernet.training.resuming import STATE_KEY, classes_of
from centernet.training.timetable import Timetable
from centernet.weights.files import epoch_of, first_not_finite, save_file

_BEST, _LAST = "best.safetensors", "last.safetensors"

Evaluate = Callable[[Sequence[Detections]], "Validated"]
"""Measures the detections of a validation."""


@dataclass(frozen=True, kw_only=True)
class Validated:
    """What a validation found.

    Attributes:
        metrics: Metrics by name, `AP` among them, and `temperature` and `score_bias` fitted on the
            detections.
        thresholds: Scores from which detections count, before the temperature.
    """

    metrics: Mapping[str, float]
    thresholds: Thresholds = UNKNOWN


class RunLog(L.Callback):
    """Writes `results.csv` and `weights/{best,last}.safetensors`, each file whole or not at all.

    The table is written after every epoch, the best weights when they are found, the last ones as often as
    time allows. Weights that are not finite are never written.

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
        self._best: tuple[float, ...] = ()
        self._validated: Validated | None = None
        self._since = time.monotonic()
        self._pace = WritingPace()
        self.has_begun = False

    @property
    def state_key(self) -> str:
        """The key of the state in `last.ckpt`, which earlier versions wrote too."""
        return STATE_KEY

    def state_dict(self) -> dict[str, Any]:
        """The rows and the best score so far, and what the run learns, kept in `last.ckpt`."""
        return {
            "rows": self._rows,
            "best": self._best,
            "task": self._timetable.recipe.task,
            "classes": classes_of(self._predictor.categories),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the rows and the best score, unless the best weights are lost."""
        self._rows = [dict(row) for row in state_dict["rows"]]
        best = state_dict["best"]
        if self._path(_BEST).is_file():
            # Runs of earlier versions have one number.
            self._best = (best,) if isinstance(best, float) else tuple(best)

    @property
    def is_evaluating(self) -> bool:
        """True if there is something to validate on."""
        return self._evaluate is not None

    def kept(self) -> str:
        """Says where the last weights are, if any were written."""
        path = self._path(_LAST)
        if not path.is_file():
            return "no epoch was finished, so there are no weights: begin again with a lower lr"
        return (
            f"whole weights of epoch {epoch_of(path)} are in {path}: go on from them with a lower lr, "
            f"train model={path}"
        )

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Notes that whatever was to be restored is restored."""
        del trainer, pl_module
        self.has_begun = True

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock; the last epoch is validated with any `val_every`."""
        del pl_module
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1
        self._since = time.monotonic()
        self._validated = None

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Checks the weights before the averaged ones take their place."""
        self._check_finite(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Evaluates the detections; saves the averaged weights, while in place, if they are the best.

        Of several epochs with the same metrics the last one is the best: it has learned for longer.
        """
        assert isinstance(pl_module, TrainingModule)
        assert self._evaluate is not None
        self._validated = self._evaluate(_gathered(pl_module.found))
        self._check_finite(trainer, pl_module)
        metrics = self._validated.metrics
        # Early stopping reads it in every process, and all processes evaluate the same detections.
        pl_module.log("AP", selection_metric(metrics), sync_dist=True)
        reached = rank(metrics)
        if trainer.is_global_zero and reached >= self._best:
            self._best = reached
            self._save(_BEST, trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the row of the epoch, and writes the last weights if they are due."""
        assert isinstance(pl_module, TrainingModule)
        self._check_finite(trainer, pl_module)
        losses = {name: float(total) / pl_module.num_steps for name, total in pl_module.sums.items()}
        row: dict[str, float] = {
            "epoch": float(trainer.current_epoch + 1),
            "seconds": round(time.monotonic() - self._since, 2),
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "train/loss": sum(losses.values()),
            **{f"train/{name}": value for name, value in losses.items()},
        }
        if self._validated is not None:
            row["val/loss"] = float(trainer.callback_metrics["val/loss"])
            row |= {f"val/{name}": value for name, value in self._validated.metrics.items()}
        self._rows.append(row)
        if trainer.is_global_zero:
            write_atomically(self._folder / "results.csv", _as_csv(self._rows).encode())
            # Between validations there are neither thresholds nor a temperature for them.
            is_complete = self._validated is not None or self._evaluate is None
            if is_complete and (is_last_epoch(trainer) or self._pace.is_due()):
                began = time.monotonic()
                with self._ema.in_place(pl_module) if self._ema else nullcontext():
                    self._save(_LAST, trainer)
                self._pace.note(began)
            self._say(epoch_line(self._rows, self._timetable))

    def _path(self, name: str) -> Path:
        return self._folder / "weights" / name

    def _save(self, name: str, trainer: L.Trainer) -> None:
        predictor = self._predictor
        if self._validated is not None:
            predictor = calibrated(predictor, self._validated)
        save_file(predictor, self._path(name), epoch=trainer.current_epoch + 1)

    def _check_finite(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Raises an `InputError` if a weight is not a finite number: no later epoch would mend it."""
        if broken := first_not_finite(pl_module.state_dict()):
            raise InputError(
                f"the weights are not finite any more in epoch {trainer.current_epoch + 1} "
                f"({broken.removeprefix('network.')}): {self.kept()}"
            )


def calibrated(predictor: TorchPredictor, validated: Validated) -> TorchPredictor:
    """The predictor with the thresholds of a validation, and its `temperature` and `score_bias` if it can."""
    thresholds = validated.thresholds
    try:
        temperature, bias = validated.metrics["temperature"], validated.metrics["score_bias"]
        task = predictor.task.with_settings(temperature=temperature, score_bias=bias)
    except (KeyError, UsageError):
        return replace(predictor, thresholds=thresholds)
    return replace(predictor, task=task, thresholds=thresholds.scaled(temperature, bias))


def selection_metric(metrics: Mapping[str, float]) -> float:
    """The metric by which the best weights are selected: AP of 3D boxes, else of keypoints, else of boxes.

    For 3D boxes it is the mean of both protocols: the strict one alone stays 0 for many epochs.
    """
    of_boxes3d = (metrics.get("3D_AP", math.nan) + metrics.get("3D_AP_strict", math.nan)) / 2
    of_keypoints = metrics.get("OKS_AP", math.nan)
    known = [value for value in (of_boxes3d, of_keypoints) if not math.isnan(value)]
    return known[0] if known else metrics["AP"]


def rank(metrics: Mapping[str, float]) -> tuple[float, ...]:
    """The metrics by which the best weights are chosen, the most important one first; -1 for unknown ones.

    Of 3D boxes: their AP, that of the bird's-eye view, and that of boxes in the image. Of keypoints: OKS AP,
    PCK, and AP of the boxes. Of boxes: AP, and AP at IoU 0.5, which is above 0 earlier.
    """
    # Rows of earlier versions lack some.
    more = [metrics.get(name, math.nan) for name in ("BEV_AP", "PCK", "AP", "AP50")]
    return tuple(-1.0 if math.isnan(value) else value for value in (selection_metric(metrics), *more))


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
    scored = {other["epoch"]: _rank_of(other) for other in rows if "val/AP" in other}
    best = max(scored, key=lambda epoch: (scored[epoch], epoch), default=0.0)
    if row["epoch"] in scored and best != row["epoch"]:
        parts[-1] += f", best in epoch {best:.0f} ({max(scored[best][0], 0):.3f})"
    if timetable.is_timed:
        return "  ".join([*parts, f"{row['seconds']:.1f} s", _end(timetable.seconds_left)])
    # The mean over the last ten epochs, of which some include a validation and some do not.
    left = (epochs - row["epoch"]) * statistics.fmean(other["seconds"] for other in rows[-10:])
    return "  ".join([*parts, f"{row['seconds']:.1f} s", _end(left)])


def _rank_of(row: Mapping[str, float]) -> tuple[float, ...]:
    return rank({key.removeprefix("val/"): value for key, value in row.items()})


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
