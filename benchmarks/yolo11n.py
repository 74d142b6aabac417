"""Trains YOLO11n from scratch for a budget of processor time and detects on the validation images.

`benchmarks.plain` runs this file by its path in a Python that has the package `ultralytics`; it imports
nothing of this library, and this library nothing of it. Prints one line of JSON with what was used.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

GUESS_S = 0.2
"""Processor time of a training image before one was measured, seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", required=True, type=Path, help="data.yaml of a folder in the format of YOLO"
    )
    parser.add_argument("--batch", required=True, type=int)
    parser.add_argument("--seconds", required=True, type=float, help="processor time")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--side", required=True, type=int, help="side of the inputs, pixels")
    parser.add_argument("--found", required=True, type=Path, help="file to write with the detections")
    options = parser.parse_args()
    folder = options.data.parent
    os.environ |= {
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(folder / "settings"),
        "YOLO_VERBOSE": "false",
    }
    report, weights = train(options)
    options.found.write_text(json.dumps(detections(weights, folder / "images" / "val", options.side)))
    print(json.dumps(report))


def train(options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """What a training used, and its weights with the best result on the validation images."""
    import torch
    import ultralytics
    from ultralytics import YOLO
    from ultralytics.utils import torch_utils

    torch_utils.NUM_THREADS = 1
    torch.set_num_threads(1)
    images = len([file for file in (options.data.parent / "images" / "train").iterdir() if file.is_file()])
    detector = YOLO("yolo11n.yaml")
    budget = Budget(options.seconds)
    for event in ("on_train_epoch_start", "on_train_epoch_end", "on_fit_epoch_end"):
        detector.add_callback(event, getattr(budget, event))
    detector.train(
        data=str(options.data),
        epochs=max(2, round(options.seconds / (GUESS_S * images))),
        patience=0,
        imgsz=options.side,
        batch=options.batch,
        nbs=options.batch,
        seed=options.seed,
        workers=0,
        device="cpu",
        amp=False,
        pretrained=False,
        plots=False,
        verbose=False,
        project=str(options.data.parent / "runs"),
    )
    report = {
        "budget_cpu_seconds": round(budget.used(), 1),
        "training_cpu_seconds": round(budget.training, 1),
        "epochs": budget.epochs,
        "images_seen": budget.epochs * images,
        "ultralytics": ultralytics.__version__,
    }
    return report, Path(detector.trainer.best)


class Budget:
    """Fits the number of epochs, and with it the schedule, to a budget of processor time.

    The argument `time` of the package does the same, with the wall clock instead, and stops in the middle of
    an epoch, without the last epochs without mosaic, where it guessed wrongly. Validation after every epoch,
    which is the default, is part of the budget, and so is the last one.

    Attributes:
        seconds: The budget.
        training: Processor time of the epochs without validation so far, seconds.
        epochs: Epochs so far.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.training = 0.0
        self.epochs = 0
        self._start = self._epoch_start = self._epoch_end = self._first_end = time.process_time()

    def used(self) -> float:
        """Processor time since the beginning, seconds."""
        return time.process_time() - self._start

    def on_train_epoch_start(self, _: Any) -> None:
        self._epoch_start = time.process_time()

    def on_train_epoch_end(self, _: Any) -> None:
        self._epoch_end = time.process_time()
        self.training += self._epoch_end - self._epoch_start
        self.epochs += 1

    def on_fit_epoch_end(self, trainer: Any) -> None:
        now = time.process_time()
        if trainer.epoch + 1 != self.epochs or trainer.stop:
            return  # The evaluation of the best weights calls this too.
        if self.epochs == 1:
            # The first epoch fills caches: it counts for the estimate only while there is no other.
            each, self._first_end = now - self._epoch_start, now
        else:
            each = (now - self._first_end) / (self.epochs - 1)
        left = self.seconds - self.used() - (now - self._epoch_end)
        trainer.epochs = trainer.args.epochs = self.epochs + max(1, round(left / each))
        trainer._setup_scheduler()
        trainer.scheduler.last_epoch = trainer.epoch


def detections(weights: Path, folder: Path, side: int) -> dict[str, Any]:
    """Boxes, scores, labels and (rows, columns) of each image of a folder, by its name."""
    from ultralytics import YOLO

    detector = YOLO(weights)
    found = {}
    for file in sorted(folder.iterdir()):
        result = detector.predict(str(file), imgsz=side, conf=0.001, device="cpu", verbose=False)[0]
        found[file.name] = {
            "boxes": result.boxes.xyxy.tolist(),
            "scores": result.boxes.conf.tolist(),
            "labels": [int(label) for label in result.boxes.cls.tolist()],
            "size": list(result.orig_shape),
        }
    return found


if __name__ == "__main__":
    main()
