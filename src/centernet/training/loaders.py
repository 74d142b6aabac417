"""Batches for training and validation."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from centernet.data.loading.collate import collate
from centernet.data.loading.datasets import EpochSampler, TrainingSet, ValidationSet
from centernet.data.transforms.augment import Augment, RandomCrop, ShiftScale
from centernet.data.transforms.color_jitter import ColorJitter
from centernet.hardware import usable_cores
from centernet.inference.predictor import TorchPredictor
from centernet.io.messages import say
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset, Sample
from centernet.structures.batch import Batch
from centernet.structures.records import Records
from centernet.training.task_builders import task_builder_of

_LONGEST_SOCKET = 103
"""Longest path of a socket in bytes, on macOS; 107 on Linux. A worker whose socket has none sends nothing."""
_SOCKET_NAME = len("/pymp-xxxxxxxx/listener-xxxxxxxx")
"""What `multiprocessing` adds to the folder for temporary files."""

WORKER_TIMEOUT_S = 600
"""Seconds for a batch after which a training ends with an error: a worker that hangs is not waited for."""

_TRAINING_SHARE = 0.75
"""Of the memory for decoded images; the rest is for validation."""


def training_loader(
    dataset: Dataset,
    predictor: TorchPredictor,
    recipe: Recipe,
    rank: int = 0,
    num_replicas: int = 1,
    first_epoch: int = 0,
    is_plain: Callable[[int], bool] = lambda _epoch: False,
) -> "DataLoader[Batch]":
    """Batches of augmented images, which depend on the seed of the recipe alone.

    Args:
        dataset: Training images.
        predictor: Its resize rule makes the inputs.
        recipe: Augmentation, batch size and workers.
        rank: Number of this process.
        num_replicas: Number of processes.
        first_epoch: Epoch to start with, for a resumed run.
        is_plain: As for `EpochSampler`.
    """
    cache_bytes = _cache_bytes(dataset, recipe, num_replicas, _TRAINING_SHARE)
    samples = TrainingSet(dataset, _augment(predictor, recipe), recipe.seed, cache_bytes)
    order = EpochSampler(
        len(samples) * recipe.repeats, recipe.seed, rank, num_replicas, first_epoch, is_plain
    )
    return _loader(samples, predictor, recipe, batch_size=recipe.batch, sampler=order)


def validation_loader(
    dataset: Dataset, predictor: TorchPredictor, recipe: Recipe, rank: int = 0, num_replicas: int = 1
) -> "DataLoader[Batch]":
    """Batches of whole images, divided among the processes; each alone where sizes differ."""
    cache_bytes = _cache_bytes(dataset, recipe, num_replicas, 1 - _TRAINING_SHARE)
    samples = ValidationSet(dataset, predictor.rule, cache_bytes)
    # Each process needs at least one image; an image that two processes run on counts once.
    subset = Subset(samples, range(rank, len(samples), num_replicas) or [rank % len(samples)])
    return _loader(
        subset, predictor, recipe, batch_size=1 if recipe.rect or recipe.image_scale else recipe.batch
    )


def _cache_bytes(dataset: Dataset, recipe: Recipe, num_replicas: int, share: float) -> int:
    """The limit of the image cache of each process: the size of all images; 0 where they do not fit.

    A cache of a part of the images is of no use, as each worker asks for all of them in turn.
    """
    sizes = Records.of(dataset.records).sizes
    total = int(sizes.prod(axis=1).sum()) * 3
    processes = max(min(recipe.workers, usable_cores()), 1) * num_replicas
    fits = bool((sizes > 0).all()) and total * processes <= recipe.cache * 1e9 * share
    return total if fits else 0


def _augment(predictor: TorchPredictor, recipe: Recipe) -> Augment:
    """The augmentation of training images that a recipe describes."""
    window = (
        RandomCrop(min_scale=recipe.scale_min, max_scale=recipe.scale_max)
        if recipe.random_crop
        else ShiftScale(
            scale=max(recipe.scale_max - 1, 1 - recipe.scale_min),
            min_scale=recipe.scale_min,
            max_scale=recipe.scale_max,
            by_each_side=task_builder_of(recipe).is_3d,
        )
    )
    return Augment(
        rule=predictor.rule,
        window=window,
        crop_prob=recipe.windows,
        crop=recipe.crop or (recipe.imgsz if recipe.image_scale else 0),
        flip=recipe.flip,
        flip_vertical=recipe.flip_vertical,
        quarter_turns=recipe.quarter_turns,
        rotate=recipe.rotate,
        degrees=recipe.degrees,
        colors=ColorJitter(strength=recipe.color) if recipe.color else None,
        mosaic=recipe.mosaic,
        mixup=recipe.mixup,
        copy_paste=recipe.copy_paste,
        box3d_at_any_scale=recipe.focal_px > 0,
    )


def _loader(
    samples: "torch.utils.data.Dataset[Sample]", predictor: TorchPredictor, recipe: Recipe, **order: Any
) -> "DataLoader[Batch]":
    workers = _usable_workers(samples, predictor, recipe)
    loader: DataLoader[Any] = _Loader(
        samples,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        collate_fn=partial(
            collate,
            with_crowd=recipe.train_crowd,
            with_ignored=task_builder_of(recipe).is_3d and not recipe.train_crowd,
        ),
        worker_init_fn=_one_thread,
        timeout=WORKER_TIMEOUT_S if workers else 0,
        **order,
    )
    return loader


class _Loader(DataLoader[Any]):
    """A loader whose workers need no `if __name__ == "__main__":` in the script of its caller.

    A spawned process imports the script of the process that started it, and would train again there. Workers
    need nothing of it: their samples are of this library.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        main = sys.modules["__main__"]
        kept: dict[str, Any] = {
            name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)
        }
        vars(main).update({"__spec__": None})
        vars(main).pop("__file__", None)
        try:
            return super().__iter__()
        finally:
            vars(main).update(kept)


def _usable_workers(samples: Any, predictor: TorchPredictor, recipe: Recipe) -> int:
    """The worker processes that can be started here; prints why there are none if the recipe wants some."""
    workers = min(recipe.workers, usable_cores())
    if workers and multiprocessing.current_process().daemon:
        say("this process may not start others and prepares the images itself: workers=0")
        return 0
    temporary = tempfile.gettempdir()
    if workers and os.name != "nt" and len(os.fsencode(temporary)) + _SOCKET_NAME > _LONGEST_SOCKET:
        say(
            f"the folder for temporary files, {temporary}, has too long a name for the sockets of worker "
            "processes: workers=0; set TMPDIR to a shorter one, such as /tmp"
        )
        return 0
    free = free_shared_memory()
    height, width = predictor.rule((recipe.imgsz, recipe.imgsz))[0]
    # Training and validation have workers each, and every worker two batches ahead and one in the making.
    needed = 2 * (3 * workers + 1) * min(recipe.batch, len(samples)) * 3 * height * width
    if workers and free is not None and needed > free:
        say(
            f"/dev/shm has {free / 1e6:.0f} MB free, and {workers} workers may need {needed / 1e6:.0f} MB: "
            "workers=0; in a container give it more, --shm-size=1g, or take a smaller batch"
        )
        return 0
    return workers


def free_shared_memory() -> int | None:
    """Free bytes of the memory that processes share; None where the system has no folder for it."""
    try:
        state = os.statvfs("/dev/shm")
    except (AttributeError, OSError):
        return None
    return state.f_bavail * state.f_frsize


def _one_thread(_worker: int) -> None:
    """One thread for each worker process: more would compete for the same cores."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
