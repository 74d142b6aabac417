"""Measures `predict` over many images: `uv run python -m benchmarks.streaming`.

Peak memory after 10, 100, 1000 ... images, some of which are broken, in one process; and images per second
with zero, one and two prefetching threads. Each run is a separate process, in which the network and OpenCV
have one thread each.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from benchmarks.measuring import RESULTS, commit, machine

SIZE = (720, 960)
WEIGHTS = "blood-cells"
BROKEN_EVERY = 100
"""One in this many files is a broken image."""

DISTINCT_IMAGES = 40
"""Number of different images; the other files are links to them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000, help="images of the run that measures memory")
    parser.add_argument("--timed", type=int, default=500, help="images of each timed run")
    parser.add_argument("--rounds", type=int, default=2, help="number of repetitions of each timed run")
    parser.add_argument("--name", default="streaming", help="the results go to results/NAME.json and .md")
    parser.add_argument("--run", nargs=4, metavar=("FOLDER", "IMGSZ", "BATCH", "WORKERS"), help="one run")
    options = parser.parse_args()
    if options.run:
        folder, *numbers = options.run
        print(json.dumps(run(folder, *map(int, numbers))))
        return

    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        many, some = Path(folder) / "many", Path(folder) / "some"
        broken = write_images(many, options.images)
        write_images(some, options.timed)
        memory = run_in_process(many, imgsz=64, batch=8, workers=2)
        assert memory["skipped"] == broken, "every broken image is reported, and no other"
        assert memory["images"] == options.images - broken
        timed = [
            run_in_process(some, imgsz=128, batch=8, workers=n)
            for _ in range(options.rounds)
            for n in (0, 1, 2)
        ]
    best = [
        min((row for row in timed if row["workers"] == n), key=lambda row: row["seconds"]) for n in (0, 1, 2)
    ]
    report = {
        "command": f"python -m benchmarks.streaming --images {options.images} --timed {options.timed} "
        f"--rounds {options.rounds}",
        "commit": commit(),
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "memory": memory,
        "timed": best,
    }
    (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / f"{options.name}.md").write_text(as_markdown(report))
    print(as_markdown(report))


def write_images(folder: Path, count: int) -> int:
    """Fills a folder with JPEGs of smooth images with noise; returns the number of broken ones."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    whole = []
    for _ in range(min(DISTINCT_IMAGES, count)):
        rough = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        smooth = cv2.resize(rough, SIZE[::-1], interpolation=cv2.INTER_CUBIC).astype(np.int16)
        noisy = np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
        whole.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    half = len(whole[0]) // 2
    bad = (b"", b"no image", whole[0][:half], whole[0][:half] + bytes(1000))
    broken, first = 0, {}
    for number in range(count):
        is_broken = number % BROKEN_EVERY == BROKEN_EVERY // 2
        data = bad[broken % len(bad)] if is_broken else whole[number % len(whole)]
        broken += is_broken
        path = folder / f"{number:06}.jpg"
        if data in first:
            os.link(first[data], path)
        else:
            path.write_bytes(data)
            first[data] = path
    return broken


def run_in_process(folder: Path, **settings: int) -> dict[str, float]:
    """One run in a separate process, and the number of images that it reported as broken."""
    words = ["--run", str(folder), *map(str, settings.values())]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        check=True,
    )
    skipped = sum(line.startswith("skipped ") for line in done.stderr.splitlines())
    return {**settings, **json.loads(done.stdout), "skipped": skipped}


def run(folder: str, imgsz: int, batch: int, workers: int) -> dict[str, object]:
    from centernet import CenterNet

    cv2.setNumThreads(1)
    model = CenterNet(WEIGHTS, device="cpu")
    peaks: dict[str, float] = {}
    count, mark = 0, 10
    start, start_cpu, start_own = time.perf_counter(), time.process_time(), time.thread_time()
    for _ in model.predict(folder, imgsz=imgsz, batch=batch, workers=workers):
        count += 1
        if count == mark:
            peaks[str(mark)] = peak_mb()
            mark *= 10
    peaks[str(count)] = peak_mb()
    return {
        "images": count,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - start_cpu,
        "network_cpu_seconds": time.thread_time() - start_own,
        "peak_mb": peaks,
    }


def peak_mb() -> float:
    """Peak memory of the process so far."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def as_markdown(report: Mapping[str, object]) -> str:
    memory, timed, device = report["memory"], report["timed"], report["machine"]
    assert isinstance(memory, dict)
    assert isinstance(timed, list)
    assert isinstance(device, dict)
    environment = "; ".join(f"{name} {value}" for name, value in device.items())
    lines = [
        "# Many images",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        f"JPEGs of {SIZE[1]}×{SIZE[0]}, weights `{WEIGHTS}`, batches of {memory['batch']}. The network and",
        "OpenCV have one thread each.",
        "",
        "## Memory",
        "",
        f"{memory['images']} images of one folder at {memory['imgsz']} pixels, {memory['workers']} workers. "
        f"{memory['skipped']} more were broken:",
        "they were reported and skipped. Peak memory of the process so far, most of which is taken by Python",
        "and its libraries:",
        "",
        "| after images | MB |",
        "|---|---:|",
        *(f"| {after} | {peak:.0f} |" for after, peak in memory["peak_mb"].items()),
        "",
        "## Speed",
        "",
        f"{timed[0]['images']} images at {timed[0]['imgsz']} pixels, the fastest run of each. *Cores* is",
        "processor time over time. With one worker the network runs in the calling thread; with two, two",
        "batches are predicted at once.",
        "",
        "| workers | images per second | cores | processor time, ms per image | of it, the calling thread |",
        "|---|---:|---:|---:|---:|",
        *map(_speed, timed),
    ]
    return "\n".join(lines) + "\n"


def _speed(one: Mapping[str, float]) -> str:
    count, seconds = one["images"], one["seconds"]
    total, network = (one[name] / count * 1000 for name in ("cpu_seconds", "network_cpu_seconds"))
    cores = one["cpu_seconds"] / seconds
    return f"| {one['workers']} | {count / seconds:.0f} | {cores:.2f} | {total:.1f} | {network:.1f} |"


if __name__ == "__main__":
    main()
