"""Runs all variants of a detector side by side."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from centernet.benchmark.report import BenchmarkReport, BenchmarkRow
from centernet.benchmark.variants import MAX_CALIBRATION, VARIANTS
from centernet.benchmark.worker import Timing, Worker
from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError, check_bounds
from centernet.inference.stream import annotated, readable

WARM_UP_RUNS = 3
"""Runs of one image before any is timed."""


def benchmark(
    model: str | Path,
    data: str | Path,
    *,
    split: str = "val",
    formats: Sequence[str] = tuple(VARIANTS),
    images: int = 50,
    batch: int = 8,
    threads: int = 1,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> BenchmarkReport:
    """Writes all variants of a detector, and measures speed, memory, size and AP of each.

    The variants take turns, image by image, so that other load of the machine affects all of them. Each runs
    in a process of its own. An image is timed from its pixels to detections, without reading the file.

    Args:
        model: Weights.
        data: Annotated images.
        split: Split of the data set.
        formats: Names of `VARIANTS`; the others are compared with the first.
        images: Number of images that are timed one by one; fewer if the data set has fewer.
        batch: Images in a batch for the throughput.
        threads: Threads of each variant.
        device: Device of the weights; exported files run on the processor.
        say: Receives lines about the progress.

    Raises:
        UsageError: An unknown variant, or an impossible number.
        InputError: The data set is broken, or no variant can be run.
    """
    for name in formats:
        if name not in VARIANTS:
            raise UsageError(f"formats are some of {', '.join(VARIANTS)}; got {name!r}")
    for key, value in {"images": images, "batch": batch, "threads": threads, "formats": len(formats)}.items():
        if value < 1:
            raise UsageError(f"{key} must be at least 1; got {value}")
    check_bounds(images=images, batch=batch, threads=threads)
    detector = CenterNet(model, "cpu")
    pixels = _first_images(data, split, max(images, MAX_CALIBRATION))
    count = min(images, len(pixels))
    with TemporaryDirectory() as folder, ExitStack() as stack:
        started: dict[str, _Started] = {}
        for name in formats:
            try:
                say(f"preparing {name}")
                path = VARIANTS[name].write(detector, Path(folder) / name, pixels)
                worker = _start(name, path, pixels[:images], device, threads)
            except (UsageError, InputError) as error:
                say(f"{name} is left out: {error}")
                continue
            stack.callback(worker.close)
            started[name] = _Started(worker=worker, size=_size(path))
        if not started:
            raise InputError(f"{model} runs in none of these variants: {', '.join(formats)}")
        say(f"timing {len(started)} variants on {count} images")
        single, batched = _take_turns([one.worker for one in started.values()], count, batch)
        rows = []
        for (name, one), times, batch_times in zip(started.items(), single, batched, strict=True):
            say(f"measuring AP of {name}")
            memory, ap = one.worker.finish(str(data), split, batch)
            rows.append(_row(name, times, batch_times, batch, memory_mb=memory, size=one.size, ap=ap))
    return BenchmarkReport(rows=tuple(rows), threads=threads, batch=batch, num_images=count)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Started:
    """A running variant, and the size of its files in bytes."""

    worker: Worker
    size: int


def _first_images(data: str | Path, split: str, count: int) -> list[Any]:
    dataset, _ = clean(open_dataset(data, split))
    readings = islice(annotated(dataset), count)
    return [sample.image for sample in readable((read() for read in readings), strict=True)]


def _start(name: str, path: Path, images: Sequence[Any], device: str, threads: int) -> Worker:
    variant = VARIANTS[name]
    return Worker(
        path, images, half=variant.half, device="cpu" if variant.format else device, threads=threads
    )


def _take_turns(
    workers: Sequence[Worker], count: int, batch: int
) -> tuple[list[list[Timing]], list[list[Timing]]]:
    """Times of each worker for every image, and for every batch."""
    for worker in workers:
        for _ in range(WARM_UP_RUNS):
            worker.run([0])
        worker.run([i % count for i in range(batch)])
    single = [[worker.run([i]) for worker in workers] for i in range(count)]
    batches = [[i % count for i in range(start, start + batch)] for start in range(0, count, batch)]
    batched = [[worker.run(numbers) for worker in workers] for numbers in batches]
    return [list(one) for one in zip(*single, strict=True)], [list(one) for one in zip(*batched, strict=True)]


def _row(
    name: str,
    single: Sequence[Timing],
    batched: Sequence[Timing],
    batch: int,
    *,
    memory_mb: float,
    size: int,
    ap: float,
) -> BenchmarkRow:
    clock = [1000 * timing.clock for timing in single]
    return BenchmarkRow(
        name=name,
        p50_ms=float(np.percentile(clock, 50)),
        p95_ms=float(np.percentile(clock, 95)),
        processor_ms=float(np.median([1000 * timing.processor for timing in single])),
        images_per_s=batch * len(batched) / sum(timing.clock for timing in batched),
        memory_mb=memory_mb,
        file_mb=size / 1e6,
        ap=ap,
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
