"""Trains a predictor by a recipe."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from centernet.batch import Batch
from centernet.data.batching import collate
from centernet.data.colors import ColorJitter
from centernet.data.loading import EpochSampler, TrainingSet, ValidationSet
from centernet.data.transforms import Augment, RandomCrop, ShiftScale
from centernet.predictor import Predictor
from centernet.recipes import Recipe
from centernet.structures import Dataset, Sample
from centernet.training.folders import CHECKPOINT
from centernet.training.module import TrainingModule
from centernet.training.pictures import TrainingPictures
from centernet.training.run_folder import Evaluate, RunFolder
from centernet.training.schedule import ema_average

ACCELERATORS = {"cuda": "gpu"}
"""Lightning's names of devices where they differ from torch's."""


def fit(
    predictor: Predictor,
    recipe: Recipe,
    training: Dataset,
    validation: Dataset | None,
    folder: Path,
    evaluate: Evaluate | None,
    *,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Trains in place, from the last whole epoch where the run folder holds one.

    Args:
        predictor: Network, task and pre-processing.
        recipe: How to train.
        training: Images to learn from.
        validation: Images to score each epoch on, if any.
        folder: Run folder; `last.ckpt`, `results.csv` and weights go there.
        evaluate: Scores detections on the validation images.
        progress: Show a progress bar.
        say: Takes one line for each epoch.
    """
    trainer = L.Trainer(
        accelerator=ACCELERATORS.get(recipe.device, recipe.device),
        devices=_devices(recipe),
        num_nodes=recipe.num_nodes,
        strategy=recipe.strategy,
        precision="bf16-mixed" if _computes_in_bf16(recipe) else "32-true",
        max_epochs=recipe.epochs,
        check_val_every_n_epoch=recipe.val_every,
        num_sanity_val_steps=0,
        accumulate_grad_batches=recipe.accumulate,
        gradient_clip_val=recipe.clip or None,
        use_distributed_sampler=False,
        enable_model_summary=False,
        enable_progress_bar=progress,
        enable_checkpointing=True,
        logger=TensorBoardLogger(folder, name="", version="tensorboard") if recipe.tensorboard else False,
        callbacks=[
            RunFolder(folder, predictor, evaluate, say),
            *_averaging(recipe),
            *_stopping(recipe, evaluate),
            *([RichProgressBar()] if progress else []),
            TrainingPictures(folder, predictor),
            ModelCheckpoint(
                folder, filename="last", enable_version_counter=False, save_on_train_epoch_end=True
            ),
        ],
    )
    loader = training_loader(training, predictor, recipe, trainer.global_rank, trainer.world_size)
    steps = -(-len(loader) // recipe.accumulate)
    checkpoint = folder / CHECKPOINT
    predictor.network.to(memory_format=torch.channels_last)
    module = TrainingModule(predictor, recipe, steps)
    module.train()
    validating = validation_loader(validation, predictor, recipe) if validation is not None else None
    trainer.fit(
        module, loader, validating, ckpt_path=checkpoint if checkpoint.exists() else None, weights_only=True
    )
    predictor.network.eval()


def training_loader(
    dataset: Dataset, predictor: Predictor, recipe: Recipe, rank: int = 0, num_replicas: int = 1
) -> "DataLoader[Batch]":
    """Batches of augmented images; what is in them depends on the seed alone."""
    window = (
        RandomCrop(min_scale=recipe.scale_min, max_scale=recipe.scale_max)
        if recipe.random_crop
        else ShiftScale(scale=max(recipe.scale_max - 1, 1 - recipe.scale_min))
    )
    augment = Augment(
        rule=predictor.rule,
        window=window,
        flip=recipe.flip,
        flip_vertical=recipe.flip_vertical,
        quarter_turns=recipe.quarter_turns,
        colors=ColorJitter(strength=recipe.color) if recipe.color else None,
        mosaic=recipe.mosaic,
    )
    samples = TrainingSet(dataset, augment, recipe.seed, int(recipe.cache * 1e9))
    order = EpochSampler(len(samples), recipe.seed, rank, num_replicas)
    return _loader(samples, recipe, batch_size=recipe.batch, sampler=order)


def validation_loader(dataset: Dataset, predictor: Predictor, recipe: Recipe) -> "DataLoader[Batch]":
    """Batches of whole images; inputs that follow their image's shape come one by one."""
    samples = ValidationSet(dataset, predictor.rule, int(recipe.cache * 1e9))
    return _loader(samples, recipe, batch_size=1 if recipe.rect else recipe.batch)


def _loader(samples: "torch.utils.data.Dataset[Sample]", recipe: Recipe, **order: Any) -> "DataLoader[Batch]":
    workers = min(recipe.workers, os.cpu_count() or 1)
    loader: DataLoader[Any] = DataLoader(
        samples,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        collate_fn=collate,
        worker_init_fn=_one_thread,
        **order,
    )
    return loader


def _one_thread(_worker: int) -> None:
    """Threads of many workers would fight for the same cores."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _devices(recipe: Recipe) -> str | int | list[int]:
    """`2` is a count, `0,1` a list: as Lightning understands them."""
    if recipe.devices.isdigit():
        return int(recipe.devices)
    return [int(part) for part in recipe.devices.split(",")] if "," in recipe.devices else recipe.devices


def _computes_in_bf16(recipe: Recipe) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if recipe.device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return recipe.device in ("auto", "cpu") and cpu_computes_in_bf16()


def cpu_computes_in_bf16() -> bool:
    """Whether bfloat16 is faster than 32 bits on this processor."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _averaging(recipe: Recipe) -> list[Callback]:
    return [WeightAveraging(avg_fn=ema_average(recipe.ema))] if recipe.ema else []


def _stopping(recipe: Recipe, evaluate: Evaluate | None) -> list[Callback]:
    if not recipe.patience or evaluate is None:
        return []
    return [EarlyStopping("AP", mode="max", patience=recipe.patience, check_on_train_epoch_end=False)]
