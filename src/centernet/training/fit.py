"""Trains a predictor by a recipe, with Lightning."""

import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger

from centernet.errors import UsageError
from centernet.hardware import cpu_has_fast_bf16, devices_of, tune_allocator
from centernet.inference.predictor import TorchPredictor
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.training.batch_images import BatchImages
from centernet.training.ema import EMAWeights
from centernet.training.freezing import frozen
from centernet.training.loaders import training_loader, validation_loader
from centernet.training.module import TrainingModule
from centernet.training.run_folder import CHECKPOINT
from centernet.training.run_log import Evaluate, RunLog
from centernet.training.timetable import TimeLimit, Timetable


def fit(
    predictor: TorchPredictor,
    recipe: Recipe,
    training: Dataset,
    validation: Dataset | None,
    folder: Path,
    evaluate: Evaluate | None,
    *,
    resume: bool = False,
    started: float | None = None,
    progress: bool = True,
    say: Callable[[str], None],
) -> Path:
    """Trains in place.

    Args:
        predictor: Network, task and pre-processing.
        recipe: Settings of the training.
        training: Training images.
        validation: Validation images, if there are any.
        folder: Run folder, for `last.ckpt`, `results.csv` and weights.
        evaluate: Computes metrics of detections on the validation images.
        resume: Continue after the last finished epoch that the run folder holds.
        started: `time.monotonic()` at the beginning of the training, for its time limit; None for now.
        progress: Show a progress bar.
        say: Takes one line for each epoch.

    Returns:
        The run folder as the first process knows it.

    Raises:
        UsageError: A batch has one image, and its coarsest map is a single cell.
        KeyboardInterrupt: Ctrl-C; the last finished epoch is kept.
    """
    with _quiet(), frozen(predictor.network, recipe):
        timetable = Timetable(recipe=recipe, started=time.monotonic() if started is None else started)
        trainer = _trainer(predictor, timetable, folder, evaluate, progress=progress, say=say)
        if trainer.strategy.root_device.type == "cpu":
            tune_allocator()
        processes = (trainer.global_rank, trainer.world_size)
        checkpoint = folder / CHECKPOINT
        resumed_from = checkpoint if resume and checkpoint.exists() else None
        first_epoch, _ = finished(folder) if resumed_from else (0, 0)
        is_plain = timetable.is_plain
        loader = training_loader(training, predictor, recipe, *processes, first_epoch, is_plain)
        timetable.steps_per_epoch = -(-len(loader) // recipe.accumulate)
        predictor.network.to(memory_format=torch.channels_last)
        module = TrainingModule(predictor, timetable)
        module.train()
        validating = validation_loader(validation, predictor, recipe, *processes) if validation else None
        try:
            trainer.fit(module, loader, validating, ckpt_path=resumed_from, weights_only=True)
        except SystemExit as stop:
            # Lightning turns Ctrl-C into an exit and ignores the signal afterwards; the caller decides.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from stop
    predictor.network.eval()
    return trainer.strategy.broadcast(folder)


def lightning_accelerator(recipe: Recipe) -> str:
    """Lightning's name for the type of the recipe's device: `cuda:1` is a `gpu`."""
    name = "auto" if recipe.device == "auto" else devices_of(recipe.device)[0].type
    return "gpu" if name == "cuda" else name


def lightning_devices(recipe: Recipe) -> str | int | list[int]:
    """The recipe's devices as Lightning takes them: `2` is a count, `0,1` a list, `cuda:1` the second GPU."""
    numbers = [] if recipe.device == "auto" else [device.index for device in devices_of(recipe.device)]
    if chosen := [number for number in numbers if number is not None]:
        return chosen
    if recipe.devices.isdigit():
        return int(recipe.devices)
    return [int(part) for part in recipe.devices.split(",")] if "," in recipe.devices else recipe.devices


def finished(folder: Path) -> tuple[int, int]:
    """The numbers of epochs and of optimiser steps that a run has finished; 0 before the first epoch ends."""
    checkpoint = folder / CHECKPOINT
    if not checkpoint.exists():
        return 0, 0
    content = torch.load(checkpoint, weights_only=True, map_location="cpu", mmap=True)
    return int(content["epoch"]) + 1, int(content["global_step"])


def _trainer(
    predictor: TorchPredictor,
    timetable: Timetable,
    folder: Path,
    evaluate: Evaluate | None,
    *,
    progress: bool,
    say: Callable[[str], None],
) -> L.Trainer:
    recipe = timetable.recipe
    ema = EMAWeights(recipe.ema) if recipe.ema else None
    return L.Trainer(
        accelerator=lightning_accelerator(recipe),
        devices=lightning_devices(recipe),
        num_nodes=recipe.num_nodes,
        strategy=recipe.strategy,
        precision="bf16-mixed" if uses_bf16(recipe) else "32-true",
        max_epochs=-1 if recipe.minutes else recipe.epochs,
        # `RunLog` adds a validation after the last epoch: a run without any has no best weights.
        check_val_every_n_epoch=recipe.val_every,
        num_sanity_val_steps=0,
        accumulate_grad_batches=recipe.accumulate,
        gradient_clip_val=recipe.clip or None,
        use_distributed_sampler=False,
        enable_model_summary=False,
        enable_progress_bar=progress,
        logger=_tensorboard(folder) if recipe.tensorboard else False,
        callbacks=[
            *([TimeLimit(timetable)] if recipe.minutes else []),
            RunLog(folder, predictor, evaluate, say, timetable, ema),
            *([ema] if ema else []),
            *_early_stopping(recipe, evaluate),
            *([RichProgressBar(console_kwargs={"stderr": True})] if progress else []),
            BatchImages(folder, predictor),
            ModelCheckpoint(
                folder, filename="last", enable_version_counter=False, save_on_train_epoch_end=True
            ),
        ],
    )


def _tensorboard(folder: Path) -> TensorBoardLogger:
    try:
        return TensorBoardLogger(folder, name="", version="tensorboard")
    except ModuleNotFoundError as error:
        raise UsageError('tensorboard=true needs a package: pip install "centernet[log]"') from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides Lightning's messages about itself and its advertisements; errors still show."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Folder and frozen parts are on purpose, one worker may be enough, and the rest is between libraries.
        warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty")
        warnings.filterwarnings("ignore", message=".*does not have many workers")
        warnings.filterwarnings("ignore", message=".*have no `val_dataloader`")
        warnings.filterwarnings(
            "ignore", message=".*number of training batches.*smaller than the logging interval"
        )
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message="Found .* in eval mode at the start of training")
        try:
            yield
        finally:
            log.setLevel(level)


def uses_bf16(recipe: Recipe) -> bool:
    """True if a training by this recipe computes in bfloat16."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if lightning_accelerator(recipe) in ("auto", "gpu") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return recipe.device in ("auto", "cpu") and cpu_has_fast_bf16()


def _early_stopping(recipe: Recipe, evaluate: Evaluate | None) -> list[Callback]:
    if not recipe.patience or evaluate is None:
        return []
    # Lightning counts validations.
    checks = -(-recipe.patience // recipe.val_every)
    # AP is NaN if the validation images have no objects, which is no reason to stop at once.
    stopping = EarlyStopping(
        "AP", mode="max", patience=checks, check_finite=False, check_on_train_epoch_end=False
    )
    return [stopping]
