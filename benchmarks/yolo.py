"""Trains ours and YOLO11n from scratch on one budget: `uv run python -m benchmarks.yolo --data FOLDER`.

Needs the package `ultralytics` beside ours; nothing of ours does. Each training runs in a process of its own
with one thread; its processor time, of its children too, is what the budget is. What is best on the
validation images is kept, theirs by their own measure, and both are measured by ours.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.measuring import RESULTS, commit, machine

METRICS = ("AP", "AP50", "AP75")
SIDE = 320


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="a data set that ours reads")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--model", default="microscope", help="recipe of ours")
    parser.add_argument("--epochs", type=int, default=97, help="of ours")
    parser.add_argument("--yolo-epochs", type=int, default=98)
    parser.add_argument("--only", choices=("ours", "yolo"), help="one of them, into the same table")
    parser.add_argument("--name", default="yolo", help="the results go to results/NAME.json and .md")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seed is not None:
        train = {"ours": train_ours, "yolo": train_yolo}[options.only]
        print(json.dumps(train(options)))
        return
    for seed in options.seeds:
        for name in [options.only] if options.only else ["ours", "yolo"]:
            row = in_own_process(name, seed)
            print(row, flush=True)
            add(options, row)


def in_own_process(name: str, seed: int) -> dict[str, object]:
    words = [*sys.argv[1:], "--only", name, "--seed", str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.yolo", *words], env=environment, stdout=subprocess.PIPE, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    metrics = json.loads(answer.stdout.splitlines()[-1])
    return {"name": name, "seed": seed, **metrics, "cpu_minutes": round(seconds / 60, 1)}


def train_ours(options: argparse.Namespace) -> dict[str, float]:
    import torch

    from centernet import CenterNet
    from centernet.recipes import RECIPES

    torch.set_num_threads(1)
    share = options.epochs / RECIPES[options.model]().epochs
    recipe = RECIPES[options.model]()
    with TemporaryDirectory() as folder:
        evaluation = CenterNet(options.model).train(
            options.data,
            epochs=options.epochs,
            lr_steps=[round(share * step) for step in recipe.lr_steps],
            plain_epochs=round(share * recipe.plain_epochs),
            imgsz=SIDE,
            batch=4,
            seed=options.seed,
            workers=1,
            device="cpu",
            project=folder,
            progress=False,
        )
    assert evaluation is not None
    return {name: evaluation.metrics[name] for name in METRICS}


def train_yolo(options: argparse.Namespace) -> dict[str, float]:
    import torch
    from ultralytics import YOLO

    from centernet.data import yolo
    from centernet.data.formats import open_dataset
    from centernet.data.images import read_image
    from centernet.detections import Detections
    from centernet.evaluation import evaluate

    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        for split in ("train", "val"):
            yolo.write(open_dataset(options.data, split), Path(folder), split)
        detector = YOLO("yolo11n.yaml")
        detector.train(
            data=f"{folder}/data.yaml",
            epochs=options.yolo_epochs,
            imgsz=SIDE,
            batch=16,
            nbs=16,
            seed=options.seed,
            workers=0,
            device="cpu",
            pretrained=False,
            plots=False,
            verbose=False,
            project=f"{folder}/runs",
        )
        best = YOLO(detector.trainer.best)
        dataset = open_dataset(options.data, "val")
        found = []
        for record in dataset.records:
            image = read_image(record.path, record.size)
            answer = best.predict(
                np.ascontiguousarray(image[..., ::-1]), imgsz=SIDE, conf=0.001, device="cpu", verbose=False
            )[0].boxes
            found.append(
                Detections(
                    boxes=answer.xyxy.numpy(),
                    scores=answer.conf.numpy(),
                    labels=answer.cls.numpy().astype(np.int64),
                    categories=dataset.categories,
                    name=record.path.name,
                    image_size=(image.shape[0], image.shape[1]),
                    image_id=record.image_id,
                )
            )
    metrics = evaluate(dataset, found).metrics
    return {name: metrics[name] for name in METRICS}


def add(options: argparse.Namespace, row: Mapping[str, object]) -> None:
    """Put a row in the place of an older one, or among the others."""
    path = RESULTS / f"{options.name}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    key = (row["name"], row["seed"])
    rows = sorted(
        [*(one for one in rows if (one["name"], one["seed"]) != key), row],
        key=lambda one: (one["name"], one["seed"]),
    )
    report = {
        "command": "python -m benchmarks.yolo --data bccd",
        "settings": {"model": options.model, "epochs": options.epochs, "yolo_epochs": options.yolo_epochs},
        "commit": commit(),
        "machine": machine(),
        "rows": rows,
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(as_markdown(report))


def as_markdown(report: Mapping[str, object]) -> str:
    rows, device, settings = report["rows"], report["machine"], report["settings"]
    assert isinstance(rows, list)
    assert isinstance(device, dict)
    assert isinstance(settings, dict)
    lines = [
        f"# `{settings['model']}` and YOLO11n, from scratch on one budget",
        "",
        f"`{report['command']}`, commit {report['commit']}, {device['processor']}, torch {device['torch']}; "
        f"{SIDE} pixels, one thread, {settings['epochs']} and {settings['yolo_epochs']} epochs.",
        "",
        "| | seed | AP | AP50 | AP75 | CPU minutes |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        mine = [row for row in rows if row["name"] == name]
        lines += [
            f"| {name} | {row['seed']} | {row['AP']:.3f} | {row['AP50']:.3f} | {row['AP75']:.3f} "
            f"| {row['cpu_minutes']} |"
            for row in mine
        ]
        means = [_mean([row[key] for row in mine]) for key in METRICS]
        minutes = statistics.mean(row["cpu_minutes"] for row in mine)
        lines.append(f"| **{name}** | mean | {' | '.join(means)} | {minutes:.1f} |")
    return "\n".join(lines) + "\n"


def _mean(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {spread:.3f}"


if __name__ == "__main__":
    main()
