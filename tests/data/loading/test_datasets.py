"""Datasets for training: orders, caches, and samples that depend on the seed alone."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from centernet.data.loading.collate import collate
from centernet.data.loading.datasets import EpochSampler, ImageCache, TrainingSet, ValidationSet
from centernet.data.transforms.augment import Augment, RandomCrop, ShiftScale
from centernet.data.transforms.color_jitter import ColorJitter
from centernet.geometry.resize import Letterbox
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

RULE = Letterbox(height=64, width=64)
AUGMENT = Augment(
    rule=RULE,
    window=RandomCrop(),
    flip_vertical=0.5,
    quarter_turns=True,
    colors=ColorJitter(),
    mosaic=0.5,
    mixup=0.5,
    copy_paste=0.5,
)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six noisy images of different sizes, each with one object."""
    rng = np.random.default_rng(0)
    records = []
    for i in range(6):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (40 + i, 50, 3), dtype=np.uint8))
        box = np.array([[5, 5, 30, 35]], dtype=np.float32)
        records.append(
            ImageRecord(
                path=path,
                image_id=10 + i,
                annotations=Annotations.of(box, np.array([0])),
                source=f"{path}:1",
                size=(40 + i, 50),
            )
        )
    return Dataset(name="noise", format="coco", categories=Categories.of("thing"), records=tuple(records))


@given(st.integers(1, 60), st.integers(1, 8), st.integers(0, 5))
def test_every_image_is_drawn_once_an_epoch_for_any_number_of_processes(
    count: int, num_replicas: int, epoch: int
) -> None:
    keys: list[tuple[int, int, bool]] = []
    lengths = set()
    for rank in range(num_replicas):
        sampler = EpochSampler(count, seed=3, rank=rank, num_replicas=num_replicas)
        sampler.set_epoch(epoch)
        own_keys = list(sampler)
        assert len(own_keys) == len(sampler)
        lengths.add(len(own_keys))
        keys += own_keys

    times = Counter(index for _, index, _ in keys)
    assert set(times) == set(range(count))
    assert {key[0] for key in keys} == {epoch}
    # All processes get equally many, so some images are repeated.
    assert len(lengths) == 1
    assert len(keys) - count < num_replicas


def test_orders_change_with_epoch_and_seed_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = EpochSampler(50, seed)
        sampler.set_epoch(epoch)
        return [index for _, index, _ in sampler]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_a_sample_depends_on_seed_epoch_and_index_alone(dataset: Dataset) -> None:
    keys = [(epoch, index, False) for epoch in range(3) for index in range(6)]
    forwards, backwards = TrainingSet(dataset, AUGMENT, seed=5), TrainingSet(dataset, AUGMENT, seed=5)
    first = {key: forwards[key] for key in keys}
    second = {key: backwards[key] for key in reversed(keys)}

    for key in keys:
        assert (first[key].image == second[key].image).all()
        assert (first[key].annotations.boxes == second[key].annotations.boxes).all()
    assert (first[0, 0, False].image != first[1, 0, False].image).any()
    assert (TrainingSet(dataset, AUGMENT, seed=6)[0, 0, False].image != first[0, 0, False].image).any()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
# Also on a machine with one core.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_samples_do_not_depend_on_workers(dataset: Dataset) -> None:
    samples, order = TrainingSet(dataset, AUGMENT, seed=5), EpochSampler(6, seed=5)
    alone, merge_parities = (
        list(
            DataLoader(
                samples,
                batch_size=2,
                sampler=order,
                num_workers=workers,
                collate_fn=collate,
            )
        )
        for workers in (0, 2)
    )

    for one, other in zip(alone, merge_parities, strict=True):
        assert (one.images == other.images).all()
        assert (one.objects.boxes == other.objects.boxes).all()
        assert one.image_ids == other.image_ids


def test_a_fraction_of_the_inputs_is_blended(dataset: Dataset) -> None:
    plain, mixed = (
        TrainingSet(dataset, Augment(rule=RULE, window=ShiftScale(), mixup=probability), seed=5)
        for probability in (0.0, 0.25)
    )
    counts = Counter(len(mixed[epoch, i, False].annotations) for epoch in range(40) for i in range(6))

    assert {len(plain[epoch, i, False].annotations) for epoch in range(3) for i in range(6)} == {1}
    assert counts.keys() == {1, 2}
    assert counts[2] == pytest.approx(60, abs=20)


def test_validation_reads_whole_images_in_order(dataset: Dataset) -> None:
    samples = ValidationSet(dataset, RULE)

    assert len(samples) == 6
    assert [samples[i].image_id for i in range(6)] == list(range(10, 16))
    assert samples[0].image.shape == (64, 64, 3)
    assert len(samples[0].annotations) == 1


def test_the_cache_reads_an_image_once_and_stops_at_its_limit(dataset: Dataset) -> None:
    first, second = dataset.records[:2]
    cache = ImageCache(limit_bytes=40 * 50 * 3 + 10)
    kept, not_kept = cache(first), cache(second)

    assert cache(first) is kept
    assert cache(second) is not not_kept
    assert (cache(second) == not_kept).all()


def test_a_cache_of_size_0_keeps_nothing(dataset: Dataset) -> None:
    cache = ImageCache(limit_bytes=0)

    assert cache(dataset.records[0]) is not cache(dataset.records[0])


def test_augmentation_does_not_change_cached_images(dataset: Dataset) -> None:
    cached, plain = (
        TrainingSet(dataset, AUGMENT, seed=5, cache_bytes=10**7),
        TrainingSet(dataset, AUGMENT, seed=5),
    )
    keys = [(epoch, index, False) for epoch in range(4) for index in range(6)]

    assert all((cached[key].image == plain[key].image).all() for key in keys)


def test_plain_inputs_have_whole_images_without_flips_rotations_and_mosaics(
    dataset: Dataset,
) -> None:
    restless = Augment(
        rule=RULE,
        window=RandomCrop(min_scale=0.5, max_scale=0.5),
        flip=1.0,
        flip_vertical=1.0,
        quarter_turns=True,
        mosaic=1.0,
    )
    plain = Augment(rule=RULE, window=ShiftScale(shift=0.02, scale=0.05), flip=0.0)
    trained, expected = TrainingSet(dataset, restless, seed=1), TrainingSet(dataset, plain, seed=1)

    for index in range(len(dataset)):
        assert (trained[3, index, True].image == expected[3, index, False].image).all()
        assert (
            trained[3, index, True].annotations.boxes == expected[3, index, False].annotations.boxes
        ).all()
        assert (trained[3, index, False].image != expected[3, index, False].image).any()


def test_small_crops_stay_crops_in_plain_inputs() -> None:
    crops = Augment(rule=RULE, window=RandomCrop(), crop=32)

    assert crops.plain.window == RandomCrop()
    assert crops.plain.flip == 0


def test_the_sampler_asks_at_each_image_whether_it_is_plain() -> None:
    answers = iter([False, False, True, True])
    sampler = EpochSampler(4, seed=0, is_plain=lambda _epoch: next(answers))

    assert [key[2] for key in sampler] == [False, False, True, True]
