"""Detections of a stream of images: in order, few images in memory, unreadable images skipped."""

import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import cv2
import numpy as np
import pytest

from centernet.detections import Detections
from centernet.errors import InputError
from centernet.geometry.resize import Letterbox
from centernet.inference.options import InferenceOptions
from centernet.inference.preprocess import ModelInput, preprocess
from centernet.inference.stream import Predictor, detect_stream, samples_of
from centernet.io.sources import frames
from centernet.io.videos import Video, VideoWriter
from centernet.structures import Categories
from centernet.structures.thresholds import UNKNOWN, Thresholds

RULE = Letterbox(height=32, width=32)
LIGHT = Categories.of("light")


@dataclass
class Brightness:
    """Finds one object in each image, with the brightness of the image as its score."""

    rule: Letterbox = RULE
    stride: int = 4
    max_detections: int = 10
    max_concurrency: int = 1
    categories: Categories = LIGHT
    divisor: int = 32
    is_scale_dependent: bool = False
    thresholds: Thresholds = UNKNOWN
    barrier: Barrier | None = None
    batches: list[int] = field(default_factory=list)
    running: int = 0
    max_running: int = 0
    lock: Any = field(default_factory=Lock)

    def with_task_settings(self, **settings: object) -> "Brightness":
        return replace(self, max_detections=settings.get("top_k", self.max_detections))

    def with_rule(self, rule: Letterbox) -> "Brightness":
        return replace(self, rule=rule)

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions | None = None
    ) -> list[Detections]:
        assert inference is not None
        self.batches.append(len(images))
        with self.lock:
            self.running += 1
            self.max_running = max(self.running, self.max_running)
        if self.barrier is not None:
            self.barrier.wait(timeout=30)
        # Long enough for another thread to start.
        time.sleep(0.005)
        with self.lock:
            self.running -= 1
        return [
            Detections(
                boxes=np.array([[1, 1, 5, 5]], dtype=np.float32),
                scores=np.array([image.inputs[0].image.max() / 255], dtype=np.float32),
                labels=np.zeros(1, dtype=np.int64),
                categories=LIGHT,
                name=image.sample.view.name,
                image_size=image.sample.view.image_size,
                image_id=image.sample.image_id,
                image=image.sample.image,
            )
            for image in images
        ]


def test_a_predictor_needs_no_base_class() -> None:
    assert isinstance(Brightness(), Predictor)


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("max_concurrency", [1, 2])
def test_detections_come_in_the_order_of_the_images(workers: int, batch: int, max_concurrency: int) -> None:
    images = [np.full((24 + number % 5, 30, 3), 10 * number, dtype=np.uint8) for number in range(14)]
    predictor = Brightness(max_concurrency=max_concurrency)
    found = list(detect_stream(predictor, samples_of(frames(images)), batch=batch, workers=workers))

    assert [round(float(one.scores[0]) * 25.5) for one in found] == list(range(14))
    assert [one.image_id for one in found] == list(range(14))
    assert [one.image_size for one in found] == [image.shape[:2] for image in images]
    assert sorted(predictor.batches) == {1: [1] * 14, 4: [2, 4, 4, 4]}[batch]


def test_as_many_batches_run_at_the_same_time_as_have_cores() -> None:
    images = [np.zeros((24, 30, 3), dtype=np.uint8)] * 12
    # Each call waits until three are running.
    predictor = Brightness(max_concurrency=3, barrier=Barrier(3))
    assert len(list(detect_stream(predictor, samples_of(frames(images)), batch=2, workers=4))) == 12

    assert predictor.max_running == 3
    for workers, max_concurrency in ((0, 3), (1, 3), (4, 1)):
        alone = Brightness(max_concurrency=max_concurrency)
        assert len(list(detect_stream(alone, samples_of(frames(images)), batch=2, workers=workers))) == 12
        assert alone.max_running == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named_in_its_place_and_keeps_its_number(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(9):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.full((20, 20, 3), 25 * number, dtype=np.uint8))
    (tmp_path / "3.jpg").write_bytes((tmp_path / "3.jpg").read_bytes()[:200])
    (tmp_path / "5.jpg").write_bytes(b"")
    readings = samples_of(frames(tmp_path))
    found = list(detect_stream(Brightness(), readings, batch=2, workers=workers, strict=False))

    assert [one.image_id for one in found] == [0, 1, 2, 4, 6, 7, 8]
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"skipped {tmp_path / name}" for name in ("3.jpg", "5.jpg")
    ]


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize(("workers", "max_concurrency"), [(0, 1), (2, 1), (2, 2)])
def test_strict_stops_at_an_unreadable_image_after_all_images_before_it(
    batch: int, workers: int, max_concurrency: int, tmp_path: Path
) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.zeros((20, 20, 3), dtype=np.uint8))
    (tmp_path / "2.jpg").write_bytes(b"none")
    predictor, readings = Brightness(max_concurrency=max_concurrency), samples_of(frames(tmp_path))
    stream = detect_stream(predictor, readings, batch=batch, workers=workers)

    assert [next(stream).image_id, next(stream).image_id] == [0, 1]
    with pytest.raises(InputError, match=r"2\.jpg"):
        next(stream)


def bound(batch: int, workers: int, max_concurrency: int = 1) -> int:
    """Maximum number of images in memory, as documented."""
    if not workers:
        return batch + 1
    threads = min(workers, max_concurrency)
    return (2 + threads * (threads > 1)) * batch + workers


@pytest.mark.parametrize("max_concurrency", [1, 2])
@pytest.mark.parametrize(("batch", "workers"), [(1, 0), (4, 0), (1, 1), (1, 3), (4, 2)])
@pytest.mark.parametrize("tile_side", [None, 32], ids=["whole", "in tiles"])
def test_of_an_endless_stream_few_images_are_in_memory(
    batch: int, workers: int, max_concurrency: int, tile_side: int | None
) -> None:
    alive, max_alive = 0, 0

    def die() -> None:
        nonlocal alive
        alive -= 1

    def images() -> Iterator[np.ndarray]:
        nonlocal alive, max_alive
        while True:
            image = np.zeros((40, 48, 3), dtype=np.uint8)
            weakref.finalize(image, die)
            alive += 1
            max_alive = max(max_alive, alive)
            yield image
            del image

    readings = samples_of(frames(images()))
    predictor = Brightness(max_concurrency=max_concurrency)
    stream = detect_stream(
        predictor, readings, batch=batch, workers=workers, inference=InferenceOptions(slice=tile_side)
    )
    for _, detections in zip(range(60), stream, strict=False):
        del detections
    stream.close()

    assert 1 < max_alive <= bound(batch, workers, max_concurrency)


@pytest.mark.parametrize("workers", [0, 2])
def test_of_a_video_few_frames_are_in_memory(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by the garbage collector's list of objects: asking for it breaks tuples that another thread is
    # building (a SystemError of CPython).
    made: list[weakref.ref[ModelInput]] = []

    def watched(*given: Any) -> ModelInput:
        prepared = preprocess(*given)
        made.append(weakref.ref(prepared))
        return prepared

    monkeypatch.setattr("centernet.inference.stream.preprocess", watched)
    writer = VideoWriter(tmp_path / "clip.mp4", 10.0)
    for number in range(40):
        writer.add(np.full((32, 48, 3), 5 * number, dtype=np.uint8))
    writer.close()
    again = VideoWriter(tmp_path / "again.mp4", 10.0)
    max_alive, brightness = 0, []
    for detections in detect_stream(
        Brightness(), samples_of(frames(tmp_path / "clip.mp4")), batch=4, workers=workers
    ):
        max_alive = max(max_alive, sum(prepared() is not None for prepared in made))
        brightness.append(float(detections.scores[0]) * 255)
        assert detections.image is not None
        again.add(detections.image)
    again.close()

    assert brightness == pytest.approx([5 * number for number in range(40)], abs=6)
    assert 1 <= max_alive <= bound(4, workers)
    assert sum(1 for _ in Video(tmp_path / "again.mp4")) == 40
