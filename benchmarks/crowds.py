"""Measures recall of objects with colliding centres: `uv run python -m benchmarks.crowds`.

Every detector is trained by the same trainer on the same synthetic images: a third ordinary, a third with
objects inside others of twice the size, and a third with equal objects that cross each other. It is evaluated
on held-out images of each of the three.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from benchmarks.fcos import fcos_predictor
from benchmarks.measuring import RESULTS
from benchmarks.trainings import origin, origins

from centernet.data.doctor.crowding import center_collisions
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.detections import Detections
from centernet.evaluation import evaluate
from centernet.geometry.boxes import iou_matrix
from centernet.geometry.resize import Letterbox
from centernet.inference.predictor import TorchPredictor, to_detections
from centernet.recipes.presets import demo
from centernet.recipes.recipe import Recipe
from centernet.structures import Annotations, Categories, Dataset
from centernet.training.build import build_predictor
from centernet.training.fit import fit
from centernet.training.loaders import validation_loader

MODES = ("plain", "collision", "crossing")
STRIDE = 4
SIDE = 128
SAME_SIZE = Letterbox(height=SIDE, width=SIDE)
MIN_SCORE = 0.3
"""Minimum score of `centernet predict`."""

Build = Callable[[Recipe, Categories], TorchPredictor]
WAYS: Mapping[str, tuple[Mapping[str, object], Build]] = {
    "plain": ({}, build_predictor),
    "stride 2 (input twice as large)": ({"imgsz": 256}, build_predictor),
    "levels=4": ({"levels": 4, "level_cells": 2.0}, build_predictor),
    "per_cell=2": ({"per_cell": 2}, build_predictor),
    "per_cell=3": ({"per_cell": 3}, build_predictor),
    "levels=4 per_cell=2": ({"levels": 4, "level_cells": 2.0, "per_cell": 2}, build_predictor),
    "FCOS (torchvision)": ({}, fcos_predictor),
}
"""Changed settings of the recipe and the builder of the predictor, by the name of the row."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="rows to measure")
    parser.add_argument("--train", type=int, default=700, help="training images of each kind")
    parser.add_argument("--val", type=int, default=200, help="held-out images of each kind")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="crowds", help="the results go to results/NAME.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)

    path = RESULTS / f"{options.name}.json"
    with TemporaryDirectory() as folder:
        training, held_out = scenes(Path(folder), options.train, options.val, options.seed)
        for name in options.ways:
            row = {"way": name, **measured(name, training, held_out, Path(folder), options)}
            print(row, flush=True)
            add(path, options, row)


def add(path: Path, options: argparse.Namespace, row: Mapping[str, object]) -> None:
    """Adds a row to the table, or replaces the older one of the same name."""
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [one for one in rows if one["way"] != row["way"]] + [{**row, **origin()}]
    settings = f"--train {options.train} --val {options.val} --epochs {options.epochs} --seed {options.seed}"
    report = {
        "command": f"python -m benchmarks.crowds {settings}",
        "rows": sorted(rows, key=lambda row: list(WAYS).index(str(row["way"]))),
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(as_markdown(report))


def scenes(folder: Path, train: int, val: int, seed: int) -> tuple[Dataset, dict[str, Dataset]]:
    """The training images of all kinds as one data set, and the held-out images by kind."""
    parts, held_out = [], {}
    for mode in MODES:
        write_scenes(folder / mode, train=train, val=val, seed=seed, mode=mode, size=SIDE)
        parts.append(open_dataset(folder / mode, "train"))
        held_out[mode] = open_dataset(folder / mode, "val")
    records = [record for part in parts for record in part.records]
    numbered = [replace(record, image_id=i + 1) for i, record in enumerate(records)]
    return replace(parts[0], records=tuple(numbered)), held_out


def measured(
    name: str,
    training: Dataset,
    held_out: Mapping[str, Dataset],
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, object]:
    settings, build = WAYS[name]
    recipe = replace(demo(), epochs=options.epochs, seed=options.seed, workers=1, **settings)
    predictor = build(recipe, training.categories)
    run = folder / "runs" / name
    (run / "weights").mkdir(parents=True)
    start = time.process_time()
    fit(
        predictor,
        recipe,
        training,
        None,
        run,
        None,
        progress=False,
        say=lambda line: print(name, line, flush=True),
    )
    minutes = (time.process_time() - start) / 60
    row: dict[str, object] = {"cpu_minutes": round(minutes, 1)}
    for mode, dataset in held_out.items():
        found = detect(predictor, recipe, dataset)
        row[f"AP_{mode}"] = evaluate(dataset, found).metrics["AP"]
        if mode != "plain":
            row |= {f"{key}_{mode}": value for key, value in recalls(dataset, found).items()}
    return row


def detect(predictor: TorchPredictor, recipe: Recipe, dataset: Dataset) -> list[Detections]:
    """Detections in the images of a data set."""
    found: list[Detections] = []
    with torch.inference_mode():
        for batch in validation_loader(dataset, predictor, replace(recipe, workers=0)):
            outputs = predictor.task.decode(predictor.maps(batch), predictor.network.stride)
            found += to_detections(outputs, predictor.task.outputs, batch, dataset.categories)
    return found


def recalls(dataset: Dataset, found: Sequence[Detections]) -> dict[str, float]:
    """Recall at IoU 0.5 of the objects whose centre collides with that of another object of their class.

    Of all detections, at most a hundred per image, and of those that `centernet predict` keeps.
    """
    by_image = {one.image_id: one for one in found}
    counts = np.zeros(3)
    for record in dataset.records:
        assert record.size is not None
        in_cell, near = center_collisions(record.annotations, record.size, SAME_SIZE, STRIDE)
        collides = in_cell | near
        detections = by_image[record.image_id]
        for i, min_score in enumerate((0.0, MIN_SCORE)):
            hit = is_found(record.annotations, detections[detections.scores >= min_score])
            counts[i] += (hit & collides).sum()
        counts[2] += collides.sum()
    return {"recall": float(counts[0] / counts[2]), "recall_shown": float(counts[1] / counts[2])}


def is_found(objects: Annotations, found: Detections) -> np.ndarray:
    """True for objects matched to a detection of their class at IoU 0.5, greedily in order of score."""
    taken = np.zeros(len(objects), dtype=bool)
    overlaps = iou_matrix(found.boxes, objects.boxes)
    for row, label in zip(overlaps, found.labels, strict=True):
        free = np.where((objects.labels == label) & ~taken, row, 0.0)
        if len(free) and free.max() >= 0.5:
            taken[free.argmax()] = True
    return taken


def as_markdown(report: Mapping[str, object]) -> str:
    rows = report["rows"]
    assert isinstance(rows, list)
    lines = [
        "# Objects with colliding centres",
        "",
        f"`{report['command']}`, {origins(rows)}.",
        "",
        "*Recall* at IoU 0.5 is that of objects whose centre lies in the same cell as that of another object",
        "of their class, or in a neighbouring cell: of all detections, and in brackets of those of score",
        "0.3 or more.",
        "",
        "| | ordinary: AP | half the size: recall | AP | equal, crossing: recall | AP | CPU minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['way']} | {row['AP_plain']:.3f} | {_recall(row, 'collision')} | {row['AP_collision']:.3f} "
        f"| {_recall(row, 'crossing')} | {row['AP_crossing']:.3f} | {row['cpu_minutes']} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _recall(row: Mapping[str, float], mode: str) -> str:
    return f"{row[f'recall_{mode}']:.3f} ({row[f'recall_shown_{mode}']:.3f})"


if __name__ == "__main__":
    main()
