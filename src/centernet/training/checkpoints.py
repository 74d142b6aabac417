"""The checkpoint of a run: written whole, as often as time allows, and read with care."""

import time
import zipfile
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from centernet.errors import InputError
from centernet.io.writing import replacing

WRITING_SHARE = 0.05
"""Largest fraction of the time of a training that goes into a file which is written again and again."""


class WritingPace:
    """Says when a file is due that is written after epochs: always the first time, then as time allows.

    Args:
        share: Largest fraction of the time that is spent on writing it.
    """

    def __init__(self, share: float = WRITING_SHARE) -> None:
        self._share = share
        self._ended: float | None = None
        self._took = 0.0

    def is_due(self) -> bool:
        """True if the last writing took no more than its share of the time since then."""
        return self._ended is None or self._took <= self._share * (time.monotonic() - self._ended)

    def note(self, began: float) -> None:
        """Notes that a writing has ended that began at this `time.monotonic()`."""
        self._ended = time.monotonic()
        self._took = self._ended - began


class Checkpoints(Checkpoint):
    """Writes the checkpoint after epochs: after the first, after the last, and between as time allows.

    A run that is stopped goes on after the epoch of its checkpoint, and comes to the same bits.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pace = WritingPace()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the checkpoint if it is due."""
        del pl_module
        is_due = is_last_epoch(trainer) or self._pace.is_due()
        # Writing takes all processes, whose clocks differ.
        if trainer.world_size > 1:
            is_due = trainer.strategy.broadcast(is_due)
        if is_due:
            began = time.monotonic()
            trainer.save_checkpoint(self._path)
            self._pace.note(began)


def is_last_epoch(trainer: L.Trainer) -> bool:
    """True at the end of an epoch after which the training ends, as far as it is known by then."""
    return trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints beside their place and renames them; Lightning uses the temporary folder."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Writes a checkpoint; the old one is kept if it fails.

        Raises:
            InputError: The file cannot be written.
        """
        del storage_options
        with replacing(path) as part, part.open("wb") as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                # torch tells what is wrong with its archive, not that the disk is full.
                raise _error_of_system(error) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """The content of a checkpoint, see `read_checkpoint`; of numbers, text and tensors alone."""
        del map_location, weights_only
        return read_checkpoint(Path(path))


def _error_of_system(error: Exception) -> BaseException:
    """The `OSError` that came before an error; that error itself if none did."""
    first: BaseException | None = error
    while first is not None and not isinstance(first, OSError):
        first = first.__context__
    return first or error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the processor.

    Raises:
        InputError: The file is cut short, damaged or no checkpoint of a training.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # Compares checksums, which torch does not.
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} is damaged")
        content = torch.load(path, map_location="cpu", weights_only=True)
        int(content["epoch"]), int(content["global_step"]), dict(content["state_dict"])
    except FileNotFoundError:
        raise
    except Exception as error:
        # torch raises errors of all types for a broken file.
        raise InputError(f"{path} is cut short, damaged or no checkpoint: {advice(path)}") from error
    assert isinstance(content, dict)
    return content


def advice(path: Path) -> str:
    """What to do where a run cannot go on from its checkpoint."""
    weights = path.parent / "weights" / "last.safetensors"
    start = f"go on from its weights, train model={weights} data=..., or " if weights.is_file() else ""
    return f"{start}delete it to begin again"


def finished(path: Path) -> tuple[int, int]:
    """The numbers of epochs and of optimiser steps that a checkpoint holds; 0 if there is none.

    Raises:
        InputError: The file is broken.
    """
    if not path.exists():
        return 0, 0
    content = read_checkpoint(path)
    return int(content["epoch"]) + 1, int(content["global_step"])
