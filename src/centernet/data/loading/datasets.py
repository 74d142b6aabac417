"""PyTorch datasets for training and validation, with an image cache and a seeded order."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch.utils.data
from jaxtyping import UInt8

from centernet.data.transforms.augment import Augment
from centernet.data.transforms.warp import resize
from centernet.geometry.resize import ResizeRule
from centernet.io.images import read_image
from centernet.structures import Dataset, ImageRecord, Sample
from centernet.structures.sample import read_sample


class ImageCache:
    """Keeps decoded images in memory up to a limit; images beyond it are read each time.

    Args:
        limit_bytes: Limit of the pixels' memory. Every worker process has a cache of its own.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._images: dict[Path, UInt8[np.ndarray, "_ _ 3"]] = {}

    def __call__(self, record: ImageRecord) -> UInt8[np.ndarray, "h w 3"]:
        """The image of a record, RGB."""
        if record.path in self._images:
            return self._images[record.path]
        image = read_image(record.path, record.size)
        if image.nbytes <= self._left:
            self._left -= image.nbytes
            self._images[record.path] = image
        return image


class TrainingSet(torch.utils.data.Dataset[Sample]):
    """Augmented samples. Sample `(epoch, index, is_plain)` depends on the seed, not on workers or order.

    Indices beyond the last image begin with the first again, and draw other random numbers.

    Args:
        dataset: The images.
        augment: The augmentation.
        seed: Same seed, same inputs.
        cache_bytes: Limit of the image cache in each process; 0 for no cache.
    """

    def __init__(self, dataset: Dataset, augment: Augment, seed: int, cache_bytes: int = 0) -> None:
        self._records = dataset.records
        self._augment = augment
        self._seed = seed
        self._flip_indices: list[list[int]] = dataset.categories.flip_indices.tolist()
        self._read = ImageCache(cache_bytes)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, key: tuple[int, int, bool]) -> Sample:
        epoch, index, is_plain = key
        rng = np.random.default_rng((self._seed, epoch, index))
        augment = self._augment.plain if is_plain else self._augment
        others = rng.integers(len(self._records), size=augment.num_samples(rng) - 1)
        samples = [self._sample(i) for i in (index % len(self), *others.tolist())]
        paste_source = self._random_sample(augment.copy_paste, rng)
        mixup_source = self._random_sample(augment.mixup, rng)
        return augment(samples, rng, self._flip_indices, paste_source, mixup_source)

    def _random_sample(self, prob: float, rng: np.random.Generator) -> Sample | None:
        """A random image with probability `prob`; at probability 0 no random number is drawn."""
        if not prob or rng.random() >= prob:
            return None
        return self._sample(int(rng.integers(len(self._records))))

    def _sample(self, index: int) -> Sample:
        record = self._records[index]
        return read_sample(record, self._read(record))


class ValidationSet(torch.utils.data.Dataset[Sample]):
    """Whole images, in order."""

    def __init__(self, dataset: Dataset, rule: ResizeRule, cache_bytes: int = 0) -> None:
        self._records = dataset.records
        self._rule = rule
        self._read = ImageCache(cache_bytes)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Sample:
        record = self._records[index]
        return resize(read_sample(record, self._read(record)), self._rule)


class EpochSampler(torch.utils.data.Sampler[tuple[int, int, bool]]):
    """Every image once an epoch, as `(epoch, index, is_plain)`, in an order that depends on seed and epoch.

    Each process gets every `num_replicas`-th image; some images are repeated so that all get equally many.

    Args:
        count: Number of images.
        seed: Same seed, same orders.
        rank: Index of this process.
        num_replicas: Number of processes.
        epoch: Epoch of the first pass. Workers start with it before `set_epoch` is called.
        is_plain: Asked at each image whether it is to be plain in this epoch: see `Augment.plain`; by default
            none is.
    """

    def __init__(
        self,
        count: int,
        seed: int,
        rank: int = 0,
        num_replicas: int = 1,
        epoch: int = 0,
        is_plain: Callable[[int], bool] = lambda _epoch: False,
    ) -> None:
        self._count = count
        self._seed = seed
        self._rank = rank
        self._num_replicas = num_replicas
        self._epoch = epoch
        self._is_plain = is_plain

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next pass; the trainer calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._count // self._num_replicas)

    def __iter__(self) -> Iterator[tuple[int, int, bool]]:
        order = np.random.default_rng((self._seed, self._epoch)).permutation(self._count)
        padded = np.resize(order, len(self) * self._num_replicas)
        for index in padded[self._rank :: self._num_replicas].tolist():
            yield self._epoch, index, self._is_plain(self._epoch)
