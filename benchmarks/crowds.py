"""Measures what meets in one cell: `uv run python -m benchmarks.crowds`.

Every way of finding objects is trained by the same trainer on the same generated images, a third of them each
ordinary, with objects of half the size inside others, and with equal ones across each other. Then those of
each kind that were held out are looked at.
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
from centernet.training.fit import fit
from centernet.training.loaders import validation_loader

MODES = ("plain", "collision", "crossing")
STRIDE = 4
SIDE = 128
AS_THEY_ARE = Letterbox(height=SIDE, width=SIDE)
SURE = 0.3
"""Least score of `centernet predict`."""

Build = Callable[[Recipe, Categories], TorchPredictor]
WAYS: Mapping[str, tuple[Mapping[str, object], Build]] = {
    "plain": ({}, start),
    "stride 2 (input twice as large)": ({"imgsz": 256}, start),
    "levels=4": ({"levels": 4, "level_cells": 2.0}, start),
    "per_cell=2": ({"per_cell": 2}, start),
    "per_cell=3": ({"per_cell": 3}, start),
    "levels=4 per_cell=2": ({"levels": 4, "level_cells": 2.0, "per_cell": 2}, start),
    "FCOS (torchvision)": ({}, fcos_predictor),
}
"""By name, what each is called with."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="which are measured")
    parser.add_argument("--train", type=int, default=700, help="images of each kind to learn from")
    parser.add_argument("--val", type=int, default=200, help="images of each kind held out")
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
    """Put a row in the place of an older one, or among the others: ways may be measured one by one."""
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
    """Images of all kinds to learn from, in one data set, and those held out by kind."""
    parts, held_out = [], {}
    for mode in MODES:
        write_scenes(folder / mode, train=train, val=val, seed=seed, mode=mode, size=SIDE)
        parts.append(open_dataset(folder / mode, "train"))
        held_out[mode] = open_dataset(folder / mode, "val")
    records = [record for part in parts for record in part.records]
    merge_parities = [replace(record, image_id=i + 1) for i, record in enumerate(records)]
    return replace(parts[0], records=tuple(merge_parities)), held_out


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
    began = time.process_time()
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
    minutes = (time.process_time() - began) / 60
    row: dict[str, object] = {"cpu_minutes": round(minutes, 1)}
    for mode, dataset in held_out.items():
        found = look(predictor, recipe, dataset)
        row[f"AP_{mode}"] = evaluate(dataset, found).metrics["AP"]
        if mode != "plain":
            row |= {f"{key}_{mode}": value for key, value in recalls(dataset, found).items()}
    return row


def look(predictor: TorchPredictor, recipe: Recipe, dataset: Dataset) -> list[Detections]:
    """What is found in the images of a data set."""
    found: list[Detections] = []
    with torch.inference_mode():
        for batch in validation_loader(dataset, predictor, replace(recipe, workers=0)):
            outputs = predictor.task.decode(predictor.maps(batch), predictor.network.stride)
            found += to_detections(outputs, batch, dataset.categories)
    return found


def recalls(dataset: Dataset, found: Sequence[Detections]) -> dict[str, float]:
    """Shares of the objects that meet another of their class which are found at IoU 0.5.

    Once counting all detections, at most a hundred an image, once those that `centernet predict` shows.
    """
    by_image = {one.image_id: one for one in found}
    counts = np.zeros(3)
    for record in dataset.records:
        assert record.size is not None
        in_cell, near = center_collisions(record.annotations, record.size, AS_THEY_ARE, STRIDE)
        meets = in_cell | near
        one = by_image[record.image_id]
        for i, least in enumerate((0.0, SURE)):
            hit = is_found(record.annotations, one[one.scores >= least])
            counts[i] += (hit & meets).sum()
        counts[2] += meets.sum()
    return {"recall": float(counts[0] / counts[2]), "recall_shown": float(counts[1] / counts[2])}


def is_found(objects: Annotations, found: Detections) -> np.ndarray:
    """Which objects a detection of their class overlaps by half; each detection, best first, takes one."""
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
        "# Objects that meet in one cell",
        "",
        f"`{report['command']}`, {origins(rows)}.",
        "",
        "*Recall* is of the objects whose centre shares a cell with one of their class, or lies in a",
        "neighbouring cell, at IoU 0.5: of all that is found, and in brackets of what scores 0.3 or more.",
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
