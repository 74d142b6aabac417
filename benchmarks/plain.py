"""Trains ours with its plain command, and YOLO11n from scratch, for equal processor time of one core.

    uv run python -m benchmarks.plain --data FOLDER... --yolo-python PATH

Each training runs in a process of its own on one core, with one thread. `benchmarks/yolo11n.py` trains
YOLO11n in a Python that has the package `ultralytics`, which this library does not use. Of each training the
weights with the best result on the validation images are evaluated on these by this library. Rows that the
table has already, with the same options, are not measured again.
"""

import argparse
import csv
import json
import os
import queue
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from benchmarks.measuring import RESULTS
from benchmarks.trainings import METRICS, mean_and_spread, origin, origins

TITLE = "Ours and YOLO11n, equal processor time of one core"
ROWS = ("ours-scratch", "ours", "yolo11n-b4", "yolo11n-b8", "yolo11n-b16")
KEY = ("minutes", "isa", "set", "name", "options", "seed")
"""What makes two rows the same measurement."""
SIDE = 320
"""Side of the inputs of YOLO11n, pixels."""

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="data sets that this library reads, with images to validate on; named by their folders",
    )
    parser.add_argument(
        "--minutes", nargs="+", type=float, default=[15, 5], help="budgets, one after another"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument(
        "--ours", nargs="*", default=[], metavar="KEY=VALUE", help="more settings of our trainings"
    )
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each on a core of its own")
    parser.add_argument(
        "--yolo-python",
        type=Path,
        default=Path(sys.executable),
        metavar="PATH",
        help="a Python with the package ultralytics",
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "plain.json", help="the .json of the table")
    parser.add_argument("--again", action="store_true", help="measure rows again that the table has")
    options = parser.parse_args()
    cores = free_cores()
    if not 1 <= options.jobs <= len(cores):
        parser.error(f"--jobs {options.jobs} needs as many cores; this process may use {len(cores)}")
    try:
        measure(options, cores[: options.jobs])
    except subprocess.CalledProcessError as error:
        program = " ".join(map(str, error.cmd))
        sys.exit(f"this training ended with {error.returncode}, see above; other rows are kept: {program}")


def measure(options: argparse.Namespace, cores: Sequence[int]) -> None:
    """Measures the rows that the table lacks, one at a time on each core, and adds each when it is done."""
    wanted = runs(options)
    there = [] if options.again else rows_of(options.results)
    missing = [run for run in wanted if key(run[1]) not in {key(row) for row in there}]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} rows are there", flush=True)
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for core in cores:
        free.put(core)

    def measured(data: Path, row: Row) -> Row:
        core = free.get()
        try:
            return {**row, **train(data, row, core, options.yolo_python), **origin()}
        finally:
            free.put(core)

    with ThreadPoolExecutor(max_workers=len(cores)) as pool:
        try:
            for future in as_completed([pool.submit(measured, *run) for run in missing]):
                row = future.result()
                print(json.dumps(row), flush=True)
                add_row(options.results, row)
        finally:
            pool.shutdown(cancel_futures=True)


def runs(options: argparse.Namespace) -> list[tuple[Path, Row]]:
    """The data set and the row, without results, of each training: the first seed of everything first."""
    isa = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return [
        (
            data,
            {
                "set": data.resolve().name,
                "name": name,
                "minutes": minutes,
                "seed": seed,
                "options": " ".join(options.ours) if name.startswith("ours") else "",
                "isa": isa,
            },
        )
        for seed in options.seeds
        for minutes in options.minutes
        for data in options.data
        for name in options.rows
    ]


def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What identifies a row."""
    return tuple(row[name] for name in KEY)


def rows_of(path: Path) -> list[Row]:
    """The rows of a table, none if there is no such file."""
    return list(json.loads(path.read_text())["rows"]) if path.exists() else []


def add_row(path: Path, row: Row) -> None:
    """Adds a row to the file, where it replaces an older one with the same key, and writes the table anew."""
    kept = [one for one in rows_of(path) if key(one) != key(row)]
    order = {name: place for place, name in enumerate(ROWS)}
    rows = sorted(
        [*kept, row], key=lambda one: (key(one)[:3], order[one["name"]], one["options"], one["seed"])
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"rows": rows}, indent=1, ensure_ascii=False) + "\n")
    write_whole(path.with_suffix(".md"), as_markdown(rows))


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all, since runs on several cores may share it."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


def free_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def train(data: Path, row: Row, core: int, yolo_python: Path) -> Row:
    """Metrics and cost of the training of a row, on one core."""
    train_one = train_ours if row["name"].startswith("ours") else train_yolo
    with TemporaryDirectory() as folder:
        return train_one(data, row, core, Path(folder), yolo_python)


def train_ours(data: Path, row: Row, core: int, folder: Path, _: Path) -> Row:
    """A training by the command line, evaluated by its best weights."""
    from centernet import CenterNet
    from centernet.data.formats.catalog import open_dataset

    settings = our_settings(data, row) | {"project": str(folder), "name": "run"}
    arguments = [f"{name}={value}" for name, value in settings.items()]
    used, _output = on_core([sys.executable, "-m", "benchmarks.ours", "train", *arguments], core)
    run = folder / "run"
    metrics = CenterNet(run / "weights" / "best.safetensors", device="cpu").val(data).metrics
    with (run / "results.csv").open() as file:
        epochs = len(list(csv.DictReader(file)))
    repeats = yaml.safe_load((run / "args.yaml").read_text())["repeats"]
    # The clock ends the last epoch early.
    images = epochs * repeats * len(open_dataset(data, "train").records)
    return {**{name: metrics[name] for name in METRICS}, **used, "epochs": epochs, "images_seen": images}


def our_settings(data: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the command: the data and the time alone, but what the name and options of the row say."""
    scratch = {"pretrained": "false", "start": "none"} if row["name"] == "ours-scratch" else {}
    more = dict(setting.split("=", 1) for setting in row["options"].split())
    return {
        "data": data,
        "minutes": row["minutes"],
        "seed": row["seed"],
        "device": "cpu",
        # Images are prepared in the process whose time is limited.
        "workers": 0,
        **scratch,
        **more,
    }


def train_yolo(data: Path, row: Row, core: int, folder: Path, python: Path) -> Row:
    """A training of YOLO11n on a copy of the data set, which this library evaluates."""
    from centernet.data.formats import yolo
    from centernet.data.formats.catalog import open_dataset

    for split in ("train", "val"):
        yolo.write(open_dataset(data, split), folder, split)
    found = folder / "found.json"
    arguments = {
        "data": folder / "data.yaml",
        "batch": row["name"].removeprefix("yolo11n-b"),
        "seconds": 60 * row["minutes"],
        "seed": row["seed"],
        "side": SIDE,
        "found": found,
    }
    program = Path(__file__).with_name("yolo11n.py")
    flags = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    used, output = on_core([str(python), str(program), *flags], core)
    metrics = score(data, json.loads(found.read_text()))
    return {**metrics, **used, **json.loads(output.splitlines()[-1])}


def score(data: Path, found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Metrics of detections in the validation images, which another program has written."""
    from centernet.data.formats.catalog import open_dataset
    from centernet.detections import Detections
    from centernet.errors import InputError
    from centernet.evaluation import evaluate
    from centernet.io.images import image_size

    dataset = open_dataset(data, "val")
    detections = []
    for record in dataset.records:
        one = found[record.path.name]
        size = record.size or image_size(record.path)
        if tuple(one["size"]) != size:
            raise InputError(
                f"{record.path} has sides {one['size']} for YOLO11n, {size} here: store it without a rotation"
            )
        detections.append(
            Detections(
                boxes=np.array(one["boxes"], np.float32).reshape(-1, 4),
                scores=np.array(one["scores"], np.float32),
                labels=np.array(one["labels"], np.int64),
                categories=dataset.categories,
                name=record.path.name,
                image_size=size,
                image_id=record.image_id,
            )
        )
    metrics = evaluate(dataset, detections).metrics
    return {name: metrics[name] for name in METRICS}


def on_core(command: Sequence[str], core: int) -> tuple[Row, str]:
    """Processor and wall-clock time of a program on one core, with its children, seconds, and what it prints.

    Raises:
        subprocess.CalledProcessError: The program failed; it has written why.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    if hasattr(os, "sched_setaffinity"):
        # Before it has loaded anything: threads and children to come inherit it.
        os.sched_setaffinity(process.pid, {core})
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seconds = {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }
    return seconds, output


def as_markdown(rows: Sequence[Row]) -> str:
    """The tables of each budget and instruction set, and what the rows have cost."""
    lines = [
        f"# {TITLE}",
        "",
        f"`python -m benchmarks.plain`, {origins(rows)}.",
        "Every program has one core (affinity of its processes), one thread and limited processor time,",
        "ours by the clock of `benchmarks.ours`. *CPU s* are all seconds of the program, with its start,",
        "validation and evaluation. Best weights on the validation images; mean over the seeds ± their",
        "standard deviation.",
    ]
    for minutes, isa in dict.fromkeys((row["minutes"], row["isa"]) for row in reversed(rows)):
        of_budget = [row for row in rows if (row["minutes"], row["isa"]) == (minutes, isa)]
        lines += ["", f"## {minutes:g} minutes{f', no more than {isa}' if isa else ''}"]
        for metric in METRICS:
            lines += ["", *_table(of_budget, metric)]
        lines += ["", *_costs(of_budget)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row], metric: str) -> list[str]:
    """A line for each set, with a column for each program, and their means over the sets that all have."""
    columns = _columns(rows)
    cells: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        cells.setdefault((row["set"], _column(row)), []).append(row[metric])
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [f"| {metric} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in sets:
        values = [cells.get((name, column)) for column in columns]
        lines.append(f"| {name} | {' | '.join(mean_and_spread(one) if one else '' for one in values)} |")
    shared = [name for name in sets if all((name, column) in cells for column in columns)]
    if len(shared) > 1:
        means = [
            statistics.mean(statistics.mean(cells[name, column]) for name in shared) for column in columns
        ]
        label = "mean" if shared == sets else f"mean of {', '.join(shared)}"
        lines.append(f"| {label} | {' | '.join(f'{one:.3f}' for one in means)} |")
    return lines


def _costs(rows: Sequence[Row]) -> list[str]:
    """What each program has used on each set, means over the seeds."""
    lines = ["| | seeds | CPU s | wall s | images seen |", "|---|---|---|---|---|"]
    for name, column in dict.fromkeys((row["set"], _column(row)) for row in rows):
        those = [row for row in rows if (row["set"], _column(row)) == (name, column)]
        means = [
            f"{statistics.mean(row[quantity] for row in those):.0f}"
            for quantity in ("cpu_seconds", "wall_seconds", "images_seen")
        ]
        lines.append(f"| {name}, {column} | {len(those)} | {' | '.join(means)} |")
    return lines


def _columns(rows: Sequence[Row]) -> list[str]:
    order = sorted(rows, key=lambda row: (ROWS.index(row["name"]), row["options"]))
    return list(dict.fromkeys(map(_column, order)))


def _column(row: Mapping[str, Any]) -> str:
    return f"{row['name']} {row['options']}".strip()


if __name__ == "__main__":
    main()
