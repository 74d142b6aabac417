"""Runs all forms of a detector side by side."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from centernet.benchmark.report import BenchmarkReport, BenchmarkRow
from centernet.benchmark.variants import CALIBRATION, VARIANTS
from centernet.benchmark.worker import Runner, Timing
from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.inference.stream import annotated, readable

WARM = 3
"""Looks before any is timed."""


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
    """Writes a detector in every form, and measures speed, memory, size and AP of each.

    The forms take turns, image by image, so that what else the machine does falls on all of them. Each runs
    in a process of its own. An image is timed from its pixels to detections, without reading the file.

    Args:
        model: Weights.
        data: Annotated images.
        split: Which part of them.
        formats: Names of `VARIANTS`; the first is what the others are compared with.
        images: Images that are timed, one by one; fewer where there are fewer.
        batch: Images at once for the throughput.
        threads: Threads that each form may use.
        device: Where the weights run; files run on the processor.
        say: Takes lines that tell what happens.

    Raises:
        UsageError: An unknown form, or an impossible number.
        InputError: The data set is broken, or no form can be run.
    """
    for name in formats:
        if name not in VARIANTS:
            raise UsageError(f"formats are some of {', '.join(VARIANTS)}; got {name!r}")
    for key, value in {"images": images, "batch": batch, "threads": threads, "formats": len(formats)}.items():
        if value < 1:
            raise UsageError(f"{key} must be at least 1; got {value}")
    detector = CenterNet(model, "cpu")
    dataset, _ = clean(open_dataset(data, split))
    readings = islice(annotated(dataset), max(images, CALIBRATION))
    pixels = [sample.image for sample in readable((read() for read in readings), strict=True)]
    with TemporaryDirectory() as folder, ExitStack() as stack:
        runners: dict[str, Runner] = {}
        sizes: dict[str, int] = {}
        for name in formats:
            form = VARIANTS[name]
            try:
                say(f"preparing {name}")
                path = form.write(detector, Path(folder) / name, pixels)
                where = "cpu" if form.format else device
                runner = Runner(path, pixels[:images], half=form.half, device=where, threads=threads)
            except (UsageError, InputError) as error:
                say(f"{name} is left out: {error}")
                continue
            stack.callback(runner.close)
            runners[name], sizes[name] = runner, _size(path)
        if not runners:
            raise InputError(f"{model} runs in none of these forms: {', '.join(formats)}")
        say(f"timing {len(runners)} forms on {min(images, len(pixels))} images")
        alone, merge_parities = _race(list(runners.values()), min(images, len(pixels)), batch)
        lines = []
        for name, one, many in zip(runners, alone, merge_parities, strict=True):
            say(f"measuring AP of {name}")
            memory, ap = runners[name].finish(str(data), split, batch)
            lines.append(_line(name, one, many, batch, memory_mb=memory, size=sizes[name], ap=ap))
    return BenchmarkReport(
        lines=tuple(lines), threads=threads, batch=batch, num_images=min(images, len(pixels))
    )


def _race(runners: Sequence[Runner], count: int, batch: int) -> tuple[list[list[Timing]], list[list[Timing]]]:
    """How long each took for every image, and for every batch of them."""
    for runner in runners:
        for _ in range(WARM):
            runner.look([0])
        runner.look([i % count for i in range(batch)])
    alone = [[runner.look([i]) for runner in runners] for i in range(count)]
    batches = [[i % count for i in range(start, start + batch)] for start in range(0, count, batch)]
    merge_parities = [[runner.look(which) for runner in runners] for which in batches]
    return [list(one) for one in zip(*alone, strict=True)], [
        list(one) for one in zip(*merge_parities, strict=True)
    ]


def _line(
    name: str,
    alone: Sequence[Timing],
    merge_parities: Sequence[Timing],
    batch: int,
    *,
    memory_mb: float,
    size: int,
    ap: float,
) -> BenchmarkRow:
    clock = [1000 * took.clock for took in alone]
    return BenchmarkRow(
        name=name,
        p50_ms=float(np.percentile(clock, 50)),
        p95_ms=float(np.percentile(clock, 95)),
        processor_ms=float(np.median([1000 * took.processor for took in alone])),
        images_per_s=batch * len(merge_parities) / sum(took.clock for took in merge_parities),
        memory_mb=memory_mb,
        file_mb=size / 1e6,
        ap=ap,
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
