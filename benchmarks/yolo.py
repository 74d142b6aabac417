"""Trains ours and YOLO11n from scratch on one budget: `uv run python -m benchmarks.yolo --data FOLDER`.

Needs the package `ultralytics` beside ours; nothing of ours does. Each training runs in a process of its own
with one thread; its processor time, of its children too, is what the budget is. What is best on the
validation images is kept, theirs by their own measure, and both are measured by ours.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.measuring import RESULTS
from benchmarks.trainings import METRICS, add_row, in_own_process

TITLE = "Ours and YOLO11n, from scratch on one budget"
SIDE = 320


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="a data set that ours reads")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--model", default="few", help="recipe of ours")
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
    settings = f"--model {options.model} --epochs {options.epochs} --yolo-epochs {options.yolo_epochs}"
    path = RESULTS / f"{options.name}.json"
    about = {"command": f"python -m benchmarks.yolo --data {options.data.name} {settings}"}
    for seed in options.seeds:
        for name in [options.only] if options.only else ["ours", "yolo"]:
            words = [*sys.argv[1:], "--only", name, "--seed", str(seed)]
            row = {"name": name, "seed": seed, **in_own_process("benchmarks.yolo", words)}
            print(row, flush=True)
            add_row(path, row, lambda one: (one["name"], one["seed"]), about, TITLE)


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


if __name__ == "__main__":
    main()
