"""Trains ours and YOLO11n from scratch on an equal budget: `uv run python -m benchmarks.yolo --data FOLDER`.

Needs the package `ultralytics`, which this library does not use. Each training runs in a separate process
with one thread; the budget is its processor time, including children. The checkpoint with the best result on
the validation images is kept, that of YOLO11n by its own fitness; both are evaluated by this library.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.measuring import RESULTS
from benchmarks.trainings import METRICS, fill

TITLE = "Ours and YOLO11n, from scratch on an equal budget"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the table: a training of about 16 minutes of one Zen 5 core.

    Attributes:
        recipe: Recipe of ours; empty for YOLO11n.
        side: Longer side of the inputs in training and evaluation, pixels.
        epochs: Number of epochs; the schedule of the recipe is scaled in proportion.
    """

    recipe: str = ""
    side: int = 320
    epochs: int


ENTRIES = {
    "YOLO11n, 320 px": Entry(epochs=155),
    "few, 320 px": Entry(recipe="few", epochs=176),
    "few-nano, 480 px": Entry(recipe="few-nano", side=480, epochs=245),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", required=True, type=Path, help="folder of a data set that this library reads"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=ENTRIES,
        default=list(ENTRIES),
        help="rows to measure, into the same table",
    )
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each with one thread")
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seed is not None:
        entry = ENTRIES[options.rows[0]]
        train = train_ours if entry.recipe else train_yolo
        print(json.dumps(train(options.data, entry, options.seed)))
        return
    data = str(options.data)
    runs = [
        ({"name": name, "seed": seed}, ["--data", data, "--rows", name, "--seed", str(seed)])
        for seed in options.seeds
        for name in options.rows
    ]
    about = {"command": f"python -m benchmarks.yolo --data {options.data.name} --jobs {options.jobs}"}
    fill(RESULTS / "yolo.json", "benchmarks.yolo", runs, list(ENTRIES), about, TITLE, options.jobs)


def train_ours(data: Path, entry: Entry, seed: int) -> dict[str, float]:
    import torch

    from centernet import CenterNet

    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        evaluation = CenterNet(entry.recipe).train(
            data,
            epochs=entry.epochs,
            imgsz=entry.side,
            seed=seed,
            workers=1,
            device="cpu",
            project=folder,
            progress=False,
        )
    assert evaluation is not None
    return {name: evaluation.metrics[name] for name in METRICS}


def train_yolo(data: Path, entry: Entry, seed: int) -> dict[str, float]:
    import torch
    from ultralytics import YOLO

    from centernet.data.formats import yolo
    from centernet.data.formats.catalog import open_dataset
    from centernet.detections import Detections
    from centernet.evaluation import evaluate
    from centernet.io.images import read_image

    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        for split in ("train", "val"):
            yolo.write(open_dataset(data, split), Path(folder), split)
        detector = YOLO("yolo11n.yaml")
        detector.train(
            data=f"{folder}/data.yaml",
            epochs=entry.epochs,
            imgsz=entry.side,
            batch=16,
            nbs=16,
            seed=seed,
            workers=0,
            device="cpu",
            pretrained=False,
            plots=False,
            verbose=False,
            project=f"{folder}/runs",
        )
        best = YOLO(detector.trainer.best)
        dataset = open_dataset(data, "val")
        found = []
        for record in dataset.records:
            image = read_image(record.path, record.size)
            boxes = best.predict(
                np.ascontiguousarray(image[..., ::-1]),
                imgsz=entry.side,
                conf=0.001,
                device="cpu",
                verbose=False,
            )[0].boxes
            found.append(
                Detections(
                    boxes=boxes.xyxy.numpy(),
                    scores=boxes.conf.numpy(),
                    labels=boxes.cls.numpy().astype(np.int64),
                    categories=dataset.categories,
                    name=record.path.name,
                    image_size=(image.shape[0], image.shape[1]),
                    image_id=record.image_id,
                )
            )
    metrics = evaluate(dataset, found).metrics
    return {name: metrics[name] for name in METRICS}


if __name__ == "__main__":
    main()
