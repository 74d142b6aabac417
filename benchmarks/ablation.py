"""Ablation of our training recipe: `uv run python -m benchmarks.ablation --data bccd=FOLDER`.

The same network with the paper's recipe, with ours, with ours without one part at a time, with ours and one
further part at a time, and with its own recipe, on the same images for the same epochs, with several seeds.
The last weights of each run are evaluated, not the best.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory

from benchmarks.measuring import RESULTS
from benchmarks.trainings import METRICS, fill

TITLE = "Ablation of the recipe"
SCENES = "scenes"
NO_AUG_FRACTION = 0.2
"""Last fraction of the epochs, without augmentation."""

AS_IT_IS = "the recipe as it is"
"""The recipe of the network itself: `small`, `nano` and the others are made for larger data sets."""

PAPER: Mapping[str, object] = {
    "optimizer": "adam",
    "lr": 5e-4,
    "weight_decay": 0.0,
    "schedule": "step",
    "warmup_epochs": 0.0,
    "clip": 0.0,
    "ema": 0.0,
    "batch": 16,
    "giou_weight": 0.0,
    "spread": 0,
    "corrected_radius": False,
    "plain_epochs": 0,
}
"""Zhou et al. 2019, "Objects as Points", sec. 5, with the batch of one of its devices."""

PARTS: Mapping[str, Mapping[str, object]] = {
    "GIoU loss of the box": {"giou_weight": 2.0},
    "learning in 3×3 cells": {"spread": 1},
    "exact radius": {"corrected_radius": True},
    "mean of the weights (EMA)": {"ema": 0.998},
    "AdamW, warm-up, clipping": {
        "optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.01, "warmup_epochs": 1.0, "clip": 10.0
    },
    "batches of 4": {"batch": 4},
    "last epochs with whole images": {"plain_epochs": NO_AUG_FRACTION},
}  # fmt: skip
"""Differences of our recipe from the paper's, by part."""

FURTHER: Mapping[str, Mapping[str, object]] = {
    "mosaic": {"mosaic": 0.5},
    "mosaic in every input": {"mosaic": 1.0},
    "whole Gaussians": {"soft_heatmap": True},
    "distributions": {"sides_weight": 0.5, "box_bins": 17},
    "mosaic in every input, whole Gaussians, distributions": {
        "mosaic": 1.0, "soft_heatmap": True, "sides_weight": 0.5, "box_bins": 17
    },
    "mixup": {"mixup": 0.5},
    "copy-paste": {"copy_paste": 0.5},
    "peaks that tell the IoU": {"quality": 0.5},
    "peaks that are the IoU": {"quality": 1.0},
    "Gaussian samples in the middle of boxes": {"spread_share": 0.54},
    "four sides": {"sides_weight": 0.5},
    "windows of 0.3 to 1.6 of the image": {"scale_min": 0.3, "scale_max": 1.6},
    "SGD in place of AdamW": {"optimizer": "sgd", "lr": 0.01, "weight_decay": 1e-4},
    "the paper's mean and deviation": {
        "mean": (0.40789654, 0.44719302, 0.47026115),
        "std": (0.28863828, 0.27408164, 0.27809835),
        "bgr": True,
    },
}  # fmt: skip
"""Further parts that could be added to our recipe."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=SCENES, help="scenes, or NAME=FOLDER of a data set")
    parser.add_argument("--model", default="small", help="recipe of the network")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=rows(), default=list(rows()), help="rows to measure")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each with one thread")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(trained(options)))
        return
    data = options.data.partition("=")[0]
    settings = f"--data {data} --model {options.model} --epochs {options.epochs} --imgsz {options.imgsz}"
    path = RESULTS / f"ablation-{options.model}-{data}-{options.epochs}.json"
    about = {"command": f"python -m benchmarks.ablation {settings}"}
    runs = [
        ({"name": name, "seed": seed}, [*sys.argv[1:], "--run", name, "--seed", str(seed)])
        for seed in options.seeds
        for name in options.rows
    ]
    fill(path, "benchmarks.ablation", runs, list(rows()), about, TITLE, options.jobs)


def rows() -> dict[str, dict[str, object]]:
    """Settings by the name of their row."""
    ours = dict(PAPER)
    for part in PARTS.values():
        ours |= part
    without = {
        f"ours without: {name}": {**ours, **{key: PAPER[key] for key in part}} for name, part in PARTS.items()
    }
    further = {f"ours with: {name}": {**ours, **part} for name, part in FURTHER.items()}
    return {"the paper's": dict(PAPER), "ours": ours, **without, **further, AS_IT_IS: {}}


def trained(options: argparse.Namespace) -> dict[str, float]:
    import torch

    from centernet import CenterNet
    from centernet.data.synthetic import write_scenes

    torch.set_num_threads(1)
    settings = dict(rows()[options.run])
    if options.run != AS_IT_IS:
        settings["plain_epochs"] = round(options.epochs * float(str(settings["plain_epochs"])))
    # The paper's 90 and 120 of 140 epochs; ours divides the learning rate when augmentation ends.
    steps = (1 - NO_AUG_FRACTION,) if settings.get("plain_epochs") else (90 / 140, 120 / 140)
    with TemporaryDirectory() as folder:
        data = options.data.partition("=")[2] or write_scenes(f"{folder}/scenes", train=500, val=200)
        detector = CenterNet(options.model, device="cpu")
        detector.train(
            data,
            **settings,
            lr_steps=[round(options.epochs * step) for step in steps],
            epochs=options.epochs,
            imgsz=options.imgsz,
            rect=options.data != SCENES,
            val_every=1000,
            seed=options.seed,
            workers=1,
            project=folder,
            progress=False,
        )
        evaluation = CenterNet(f"{folder}/train/weights/last.safetensors", device="cpu").val(data)
    return {name: evaluation.metrics[name] for name in METRICS}


if __name__ == "__main__":
    main()
