"""From a source of images to a stream of detections, with a few images in memory, however long it is.

Threads read and resize images while the network runs on earlier ones; where it uses one of several cores,
other threads run it on the next batches.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.geometry.camera import Camera
from centernet.geometry.resize import ResizeRule, choose_rule
from centernet.inference.options import InferenceOptions
from centernet.inference.postprocess import PLAIN
from centernet.inference.prefetch import prefetch
from centernet.inference.preprocess import ModelInput, preprocess
from centernet.inference.slicing import Slicing, Tile, merge_tiles
from centernet.io.images import read_image
from centernet.io.messages import say
from centernet.io.sources import Failure, Frames, Reading, frames
from centernet.structures import Categories, Dataset, ImageRecord, Sample
from centernet.structures.sample import read_sample, sample_of
from centernet.structures.thresholds import Thresholds

T = TypeVar("T")

SampleReading = Callable[[], Sample | Failure]
"""Reads one image when it is called, in any thread."""


@runtime_checkable
class Predictor(Protocol):
    """Finds objects in images: `TorchPredictor` with weights, `ExportedPredictor` with an exported file.

    Attributes:
        categories: Classes of the labels.
        rule: Resize rule of the images.
        stride: Input pixels from one cell of the finest map to the next.
        divisor: Sides of inputs are multiples of this.
        max_detections: Maximum number of detections in an image or tile.
        max_concurrency: Calls that threads can make at the same time, each on cores of its own.
        is_scale_dependent: True if depths hold only for images resized as in training.
        thresholds: Scores from which detections count, as found on the validation images.
    """

    @property
    def categories(self) -> Categories: ...  # noqa: D102

    @property
    def rule(self) -> ResizeRule: ...  # noqa: D102

    @property
    def stride(self) -> int: ...  # noqa: D102

    @property
    def divisor(self) -> int: ...  # noqa: D102

    @property
    def max_detections(self) -> int: ...  # noqa: D102

    @property
    def max_concurrency(self) -> int: ...  # noqa: D102

    @property
    def is_scale_dependent(self) -> bool: ...  # noqa: D102

    @property
    def thresholds(self) -> Thresholds: ...  # noqa: D102

    def with_task_settings(self, **settings: Any) -> "Predictor":
        """The same predictor with other settings of its task: `top_k=10`, at most what it can give."""
        ...

    def with_rule(self, rule: ResizeRule) -> "Predictor":
        """The same predictor with another resize rule."""
        ...

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions = ...
    ) -> list[Detections]:
        """Detections of each image."""
        ...


def with_options(predictor: Predictor, options: InferenceOptions, max_det: int | None) -> Predictor:
    """The predictor with the resize rule and the task settings that options ask for.

    Args:
        predictor: As opened.
        options: `resize`, `imgsz` and `class_agnostic` are applied; the others are for `detect_stream`.
        max_det: Maximum number of detections; None for what the weights were trained with.

    Raises:
        UsageError: Options that the predictor cannot follow.
    """
    if options.slice is not None and predictor.is_scale_dependent:
        raise UsageError(
            "depths hold only for images as large as in training (focal_px=0), and tiles are enlarged: "
            "leave slice out"
        )
    # A task without classes has no setting for them.
    settings: dict[str, Any] = {"class_agnostic": True} if options.class_agnostic else {}
    if max_det is not None:
        settings["top_k"] = max_det
    rule = choose_rule(predictor.rule, options.resize, options.imgsz, predictor.divisor)
    return predictor.with_task_settings(**settings).with_rule(rule)


def detect_stream(
    predictor: Predictor,
    readings: Iterable[SampleReading],
    *,
    batch: int = 1,
    inference: InferenceOptions = PLAIN,
    workers: int = 0,
    max_detections: int | None = None,
    min_score: float = 0.0,
    strict: bool = True,
) -> Iterator[Detections]:
    """Detections of each image, in order.

    In memory are at most `2 * batch + workers` images, without workers `batch + 1`, and those that the caller
    keeps: the batch that the network runs on, and those read ahead. With two or more workers and a
    `max_concurrency` above 1, threads run the network on later batches too, as many as the smaller of these
    numbers, each with a batch of its own. Of images in tiles it is as many tiles, and their images.

    Args:
        predictor: Finds the objects; its resize rule is used.
        readings: Reads each image.
        batch: Images, or tiles, in a batch.
        inference: Scales, flip, NMS, tiles and precision.
        workers: Threads that read and resize images; and maximum number of threads that run the network.
        max_detections: Maximum number of detections in an image with tiles; by default as many as in a tile.
        min_score: Detections of tiles with a lower score are left out.
        strict: Stop at an image that cannot be read, else name it on stderr and go on.

    Raises:
        InputError: An image cannot be read and `strict` is set.
    """
    slicing = Slicing.of(inference)
    calls = (
        _preprocess_tiles(readings, slicing, predictor.rule, inference)
        if slicing
        else (partial(_read_and_preprocess, read, predictor.rule, inference) for read in readings)
    )
    inputs = readable(prefetch(calls, workers, batch + workers), strict=strict)
    tiles: list[tuple[Tile, Detections]] = []
    for tile in _detect(predictor, inputs, batch, inference, min(workers, predictor.max_concurrency)):
        tiles.append(tile)
        if tile[0].is_last:
            yield merge_tiles(
                tiles,
                max_detections=predictor.max_detections if max_detections is None else max_detections,
                min_score=min_score,
                class_agnostic=inference.class_agnostic,
            )
            tiles.clear()


_TileInput = tuple[Tile, ModelInput]


def _read_and_preprocess(
    read: SampleReading, rule: ResizeRule, inference: InferenceOptions
) -> _TileInput | Failure:
    sample = read()
    return sample if isinstance(sample, Failure) else _preprocess(Tile.all_of(sample), rule, inference)


def _preprocess(tile: Tile, rule: ResizeRule, inference: InferenceOptions) -> _TileInput:
    return tile, preprocess(tile.sample, rule, inference)


def _preprocess_tiles(
    readings: Iterable[SampleReading], slicing: Slicing, rule: ResizeRule, inference: InferenceOptions
) -> Iterator[Callable[[], _TileInput | Failure]]:
    """Calls that preprocess each tile; an image is read when the first of its tiles is asked for."""
    for read in readings:
        sample = read()
        if isinstance(sample, Failure):
            yield partial(_same, sample)
        else:
            for tile in slicing.tiles(sample):
                yield partial(_preprocess, tile, rule, inference)


def _same(failure: Failure) -> Failure:
    return failure


def _detect(
    predictor: Predictor, inputs: Iterator[_TileInput], batch: int, inference: InferenceOptions, threads: int
) -> Iterator[tuple[Tile, Detections]]:
    calls = (partial(_detect_batch, predictor, images, inference) for images in _batches(inputs, batch))
    for found in prefetch(calls, threads if threads > 1 else 0, threads):
        # Handed over one by one, so that no image is held while the next ones are waited for.
        while found:
            yield found.pop(0)


def _batches(inputs: Iterator[_TileInput], size: int) -> Iterator[list[_TileInput]]:
    """Batches of inputs; where an image cannot be read, those before it form the last batch."""
    images: list[_TileInput] = []
    try:
        for one in inputs:
            images.append(one)
            if len(images) == size:
                yield images
                images = []
    except InputError:
        if images:
            yield images
        raise
    if images:
        yield images


def _detect_batch(
    predictor: Predictor, images: list[_TileInput], inference: InferenceOptions
) -> list[tuple[Tile, Detections]]:
    found = predictor.detect_preprocessed([prepared for _, prepared in images], inference)
    pairs = list(zip((tile for tile, _ in images), found, strict=True))
    # The caller still holds the list while the next batch is read.
    images.clear()
    return pairs


def readable(items: Iterable[T | Failure], *, strict: bool) -> Iterator[T]:
    """The items that could be read; an image that could not is named on stderr and skipped.

    Raises:
        InputError: An image cannot be read and `strict` is set.
    """
    for item in items:
        if not isinstance(item, Failure):
            yield item
        elif strict:
            raise InputError(f"{item.name}: {item.reason}")
        else:
            say(f"skipped {item.name}: {item.reason}")


def samples_of(
    images: Frames, camera: Callable[[str], Camera | None] = lambda _name: None
) -> Iterator[SampleReading]:
    """Readings of the images of a source, each with its camera and its number.

    Args:
        images: The images.
        camera: The camera of an image, by its name.
    """
    return (partial(_read_frame, read, number, camera) for number, read in enumerate(images.readings()))


def _read_frame(read: Reading, number: int, camera: Callable[[str], Camera | None]) -> Sample | Failure:
    item = read()
    if isinstance(item, Failure):
        return item
    if item.unread:
        say(f"{item.name}: {item.unread}")
    return sample_of(item.image, item.name, number, camera(item.name))


def first_samples(source: Any, count: int) -> tuple[Sample, ...]:
    """The first images of a source, each of which must be readable.

    Raises:
        InputError: One of them cannot be read.
    """
    readings = samples_of(frames(source))
    return tuple(islice(readable((read() for read in readings), strict=True), count))


def annotated(dataset: Dataset) -> Iterator[SampleReading]:
    """Readings of the images of a data set, in order."""
    return (partial(_read_record, record) for record in dataset.records)


def _read_record(record: ImageRecord) -> Sample:
    return read_sample(record, read_image(record.path, record.size))
