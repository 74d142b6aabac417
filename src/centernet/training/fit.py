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
from lightning.pytorch.callbacks import Callback, EarlyStopping, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from centernet.errors import InputError, UsageError
from centernet.hardware import cpu_has_fast_bf16, devices_of, tune_allocator
from centernet.inference.predictor import TorchPredictor
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.training.batch_images import BatchImages
from centernet.training.checkpoints import Checkpoints, WholeCheckpointIO, finished
from centernet.training.ema import EMAWeights
from centernet.training.freezing import frozen
from centernet.training.loaders import training_loader, validation_loader
from centernet.training.module import TrainingModule
from centernet.training.resuming import does_not_fit
from centernet.training.run_folder import CHECKPOINT
from centernet.training.run_log import Evaluate, RunLog
from centernet.training.timetable import TimeLimit, Timetable
from centernet.training.worker_errors import explained


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
        InputError: An image is broken, the loss or a weight is not finite, the checkpoint does not fit, or a
            worker process died.
        KeyboardInterrupt: Ctrl-C; a finished epoch is kept.
    """
    with _quiet(), frozen(predictor.network, recipe):
        timetable = Timetable(recipe=recipe, started=time.monotonic() if started is None else started)
        ema = EMAWeights(recipe.ema) if recipe.ema else None
        log = RunLog(folder, predictor, evaluate, say, timetable, ema)
        trainer = _trainer(timetable, folder, log, ema, BatchImages(folder, predictor), progress=progress)
        if trainer.strategy.root_device.type == "cpu":
            tune_allocator()
        processes = (trainer.global_rank, trainer.world_size)
        checkpoint = folder / CHECKPOINT
        resumed_from = checkpoint if resume and checkpoint.exists() else None
        first_epoch, _ = finished(checkpoint) if resumed_from else (0, 0)
        is_plain = timetable.is_plain
        loader = training_loader(training, predictor, recipe, *processes, first_epoch, is_plain)
        timetable.steps_per_epoch = -(-len(loader) // recipe.accumulate)
        predictor.network.to(memory_format=torch.channels_last)
        module = TrainingModule(predictor, timetable, log.kept)
        module.train()
        validating = validation_loader(validation, predictor, recipe, *processes) if validation else None
        try:
            trainer.fit(module, loader, validating, ckpt_path=resumed_from, weights_only=True)
        except SystemExit as stop:
            # Lightning turns Ctrl-C into an exit and ignores the signal afterwards; the caller decides.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from stop
        except Exception as error:
            if (
                resumed_from
                and not log.has_begun
                and not isinstance(error, InputError | UsageError | OSError)
            ):
                # A checkpoint that was tampered with raises errors of all types.
                raise does_not_fit(resumed_from, error) from error
            if (reason := explained(error, folder)) is not None:
                raise reason from error
            raise
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


def _trainer(
    timetable: Timetable,
    folder: Path,
    log: RunLog,
    ema: EMAWeights | None,
    images: BatchImages,
    *,
    progress: bool,
) -> L.Trainer:
    recipe = timetable.recipe
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
            log,
            *([ema] if ema else []),
            *(_early_stopping(recipe) if log.is_evaluating else []),
            *([RichProgressBar(console_kwargs={"stderr": True})] if progress else []),
            images,
            Checkpoints(folder / CHECKPOINT),
        ],
        plugins=[WholeCheckpointIO()],
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
        # Frozen parts are on purpose, one worker may be enough, and the rest is between libraries.
        # Runs of earlier versions have the state of another callback in their checkpoint.
        warnings.filterwarnings("ignore", message=".*callbacks used to create the checkpoint")
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


def _early_stopping(recipe: Recipe) -> list[Callback]:
    if not recipe.patience:
        return []
    # Lightning counts validations.
    checks = -(-recipe.patience // recipe.val_every)
    # AP is NaN if the validation images have no objects, which is no reason to stop at once.
    stopping = EarlyStopping(
        "AP", mode="max", patience=checks, check_finite=False, check_on_train_epoch_end=False
    )
    return [stopping]
