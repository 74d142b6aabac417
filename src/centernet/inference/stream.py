"""From a source of images to a stream of detections: a few images in memory, however long it is.

Threads read images and show them in the size of the network while it looks at those before; where it has
one of several cores, others look at the next ones.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

from centernet.detections import Detections
from centernet.errors import InputError
from centernet.geometry.camera import Camera
from centernet.geometry.resize import ResizeRule
from centernet.inference.options import InferenceOptions
from centernet.inference.postprocess import PLAIN
from centernet.inference.prefetch import prefetch
from centernet.inference.preprocess import ModelInput, preprocess
from centernet.inference.slicing import Slicing, Tile, merge
from centernet.io.images import read_image
from centernet.io.sources import Failure, Frames, Reading
from centernet.structures import Dataset, ImageRecord, Sample
from centernet.structures.sample import read_sample, sample_of

T = TypeVar("T")

SampleReading = Callable[[], Sample | Failure]
"""Reads one image when it is called, in any thread."""


@runtime_checkable
class Predictor(Protocol):
    """What finds objects in images: a predictor, or a written file.

    Attributes:
        rule: How images are shown.
        stride: Input pixels from one cell of the finest map to the next.
        max_detections: Most detections of one look.
        max_concurrency: Calls that have cores of their own when they are made at the same time, by threads.
    """

    @property
    def rule(self) -> ResizeRule: ...  # noqa: D102

    @property
    def stride(self) -> int: ...  # noqa: D102

    @property
    def max_detections(self) -> int: ...  # noqa: D102

    @property
    def max_concurrency(self) -> int: ...  # noqa: D102

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions = ...
    ) -> list[Detections]:
        """Detections of each image."""
        ...


def detect_stream(
    predictor: Predictor,
    readings: Iterable[SampleReading],
    *,
    batch: int = 1,
    inference: InferenceOptions = PLAIN,
    workers: int = 0,
    slicing: Slicing | None = None,
    max_detections: int | None = None,
    least: float = 0.0,
    strict: bool = True,
) -> Iterator[Detections]:
    """Detections of each image, in order.

    In memory are at most `2 * batch + workers` images, without workers `batch + 1`, and those that the caller
    keeps: those looked at, and those read ahead. With two or more workers and a finder that can look at
    `max_concurrency`, threads look ahead too, as many as the smaller of these numbers: then it is a batch more for
    each. Of images in tiles it is as many tiles, and the images that they are parts of.

    Args:
        predictor: Looks at them.
        readings: What reads each image.
        batch: Images, or tiles, that are looked at together.
        inference: How they are looked at.
        workers: Threads that read images, and show them in the size of the network; and most threads that
            look at them.
        slicing: Look at large images in tiles.
        max_detections: Most detections in an image that was looked at in tiles; by default as many as in a tile.
        least: Scores below this do not count where tiles are put together.
        strict: Stop at an image that cannot be read, else name it on stderr and go on.

    Raises:
        InputError: An image cannot be read and `strict` is set.
    """
    calls = (
        _sliced(readings, slicing, predictor.rule, inference)
        if slicing
        else (partial(_read_and_shown, read, predictor.rule, inference) for read in readings)
    )
    shown = readable(prefetch(calls, workers, batch + workers), strict=strict)
    looks: list[tuple[Tile, Detections]] = []
    for look in _found(predictor, shown, batch, inference, min(workers, predictor.max_concurrency)):
        looks.append(look)
        if look[0].is_last:
            yield merge(
                looks,
                max_detections=predictor.max_detections if max_detections is None else max_detections,
                least=least,
                across_classes=inference.across_classes,
            )
            looks.clear()


_Shown = tuple[Tile, ModelInput]


def _read_and_shown(read: SampleReading, rule: ResizeRule, inference: InferenceOptions) -> _Shown | Failure:
    sample = read()
    return sample if isinstance(sample, Failure) else _shown(Tile.all_of(sample), rule, inference)


def _shown(tile: Tile, rule: ResizeRule, inference: InferenceOptions) -> _Shown:
    return tile, preprocess(tile.sample, rule, inference)


def _sliced(
    readings: Iterable[SampleReading], slicing: Slicing, rule: ResizeRule, inference: InferenceOptions
) -> Iterator[Callable[[], _Shown | Failure]]:
    """Images are read as this is asked for their tiles, one by one."""
    for read in readings:
        sample = read()
        if isinstance(sample, Failure):
            yield partial(_same, sample)
        else:
            for tile in slicing.tiles(sample):
                yield partial(_shown, tile, rule, inference)


def _same(failure: Failure) -> Failure:
    return failure


def _found(
    predictor: Predictor, shown: Iterator[_Shown], batch: int, inference: InferenceOptions, threads: int
) -> Iterator[tuple[Tile, Detections]]:
    looks = (partial(_looked, predictor, chunk, inference) for chunk in _chunks(shown, batch))
    for found in prefetch(looks, threads if threads > 1 else 0, threads):
        # Handed over one by one, so that no image is held while the next ones are waited for.
        while found:
            yield found.pop(0)


def _chunks(shown: Iterator[_Shown], batch: int) -> Iterator[list[_Shown]]:
    """Images that are looked at together; where one cannot be read, those before it all the same."""
    chunk: list[_Shown] = []
    try:
        for one in shown:
            chunk.append(one)
            if len(chunk) == batch:
                yield chunk
                chunk = []
    except InputError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _looked(
    predictor: Predictor, chunk: list[_Shown], inference: InferenceOptions
) -> list[tuple[Tile, Detections]]:
    found = predictor.detect_preprocessed([prepared for _, prepared in chunk], inference)
    looks = list(zip((tile for tile, _ in chunk), found, strict=True))
    # Whoever handed it over still holds it while the next one is read.
    chunk.clear()
    return looks


def readable(items: Iterable[T | Failure], *, strict: bool) -> Iterator[T]:
    """What could be read; an image that could not is named on stderr and passed over.

    Raises:
        InputError: An image cannot be read and `strict` is set.
    """
    for item in items:
        if not isinstance(item, Failure):
            yield item
        elif strict:
            raise InputError(f"{item.name}: {item.reason}")
        else:
            print(f"skipped {item.name}: {item.reason}", file=sys.stderr)


def samples_of(
    frames: Frames, camera: Callable[[str], Camera | None] = lambda _name: None
) -> Iterator[SampleReading]:
    """What reads each image of a source, and gives it its camera and its number.

    Args:
        frames: The images.
        camera: The camera of an image, by its name.
    """
    return (partial(_sample, read, number, camera) for number, read in enumerate(frames.readings()))


def _sample(read: Reading, number: int, camera: Callable[[str], Camera | None]) -> Sample | Failure:
    item = read()
    if isinstance(item, Failure):
        return item
    return sample_of(item.image, item.name, number, camera(item.name))


def annotated(dataset: Dataset) -> Iterator[SampleReading]:
    """What reads each image of a data set, in order."""
    return (partial(_recorded, record) for record in dataset.records)


def _recorded(record: ImageRecord) -> Sample:
    return read_sample(record, read_image(record.path, record.size))
