"""From a source of images to a stream of detections: a few images in memory, however long it is."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

from centernet.answers import PLAIN
from centernet.data.images import read_image
from centernet.data.samples import read_sample, sample_of
from centernet.data.sources import Failure, Frame
from centernet.detections import Detections
from centernet.errors import InputError
from centernet.geometry.camera import Camera
from centernet.geometry.resize import ResizeRule
from centernet.inference import Inference
from centernet.structures import Dataset, Sample


@runtime_checkable
class Finder(Protocol):
    """What finds objects in images: a predictor, or a written file.

    Attributes:
        rule: How images are shown.
        stride: Input pixels from one cell of the finest map to the next.
    """

    @property
    def rule(self) -> ResizeRule: ...  # noqa: D102

    @property
    def stride(self) -> int: ...  # noqa: D102

    def detect(self, samples: Sequence[Sample], inference: Inference = ...) -> list[Detections]:
        """Detections of each sample."""
        ...


def detect_stream(
    predictor: Finder, samples: Iterable[Sample], *, batch: int = 1, inference: Inference = PLAIN
) -> Iterator[Detections]:
    """Detections of each sample, in order; `batch` images are in memory."""
    waiting = iter(samples)
    while chunk := list(islice(waiting, batch)):
        yield from predictor.detect(chunk, inference)


def readable(
    items: Iterable[Frame | Failure],
    *,
    strict: bool,
    camera: Callable[[str], Camera | None] = lambda _name: None,
) -> Iterator[Sample]:
    """Images as samples; one that cannot be read is named on stderr and passed over.

    Args:
        items: The images.
        strict: Pass over none.
        camera: The camera of an image, by its name.

    Raises:
        InputError: An image cannot be read and `strict` is set.
    """
    for number, item in enumerate(items):
        if isinstance(item, Frame):
            yield sample_of(item.image, item.name, number, camera(item.name))
        elif strict:
            raise InputError(f"{item.name}: {item.reason}")
        else:
            print(f"skipped {item.name}: {item.reason}", file=sys.stderr)


def annotated(dataset: Dataset) -> Iterator[Sample]:
    """The images of a data set, in order."""
    for record in dataset.records:
        yield read_sample(record, read_image(record.path, record.size))
