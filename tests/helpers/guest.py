"""A program that calls every public function, and prints what each has changed in its process."""

import json
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Kept(logging.Handler):
    """Keeps the records that libraries hand to the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record."""
        self.records.append(f"{record.name}: {record.getMessage()[:60]}")


HOST = Kept()
LOGGERS = ("host", "lightning", "lightning.pytorch", "torch", "timm", "matplotlib", "PIL")


def prepare() -> None:
    """Sets everything to values that nobody else would choose."""
    logging.basicConfig(level=logging.INFO, handlers=[HOST])
    for number, name in enumerate(LOGGERS):
        logging.getLogger(name).setLevel(11 + number)
    warnings.simplefilter("error", ResourceWarning)
    warnings.filterwarnings("always", message="host.*")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, on_signal)
    os.environ["HOST"] = "kept"
    random.seed(5)


def on_signal(number: int, frame: Any) -> None:
    """The host's handler of signals."""
    del number, frame


def state() -> dict[str, Any]:
    """Everything that a guest leaves as it was, as texts that can be compared."""
    import cv2
    import matplotlib as mpl
    import numpy as np
    import torch

    levels = {name: one for name, one in logging.root.manager.loggerDict.items() if name in LOGGERS}
    return {
        "random": str(hash(random.getstate())),
        "numpy": str(np.random.get_state()[1].tobytes().hex())[:4000],  # noqa: NPY002 - the host's
        "torch": str(torch.get_rng_state().sum().item()) + str(hash(torch.get_rng_state().numpy().tobytes())),
        "threads": [torch.get_num_threads(), cv2.getNumThreads()],
        "levels": {
            name: [one.level, one.propagate, one.disabled, len(one.handlers)]
            for name, one in [("root", logging.root), *levels.items()]
            if isinstance(one, logging.Logger)
        },
        "disabled": logging.root.manager.disable,
        "signals": {
            number.name: str(signal.getsignal(number))
            for number in signal.valid_signals()
            if isinstance(number, signal.Signals)
        },
        "filters": [str(one) for one in warnings.filters],
        "backend": str(dict.__getitem__(mpl.rcParams, "backend")),
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "torch settings": [
            str(torch.get_default_dtype()),
            torch.is_grad_enabled(),
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.get_float32_matmul_precision(),
        ],
        "threads alive": sorted(one.name for one in threading.enumerate() if not one.daemon),
        "hooks": [sys.excepthook.__module__, threading.excepthook.__module__],
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is not the same, with both values of the parts of tables that changed."""
    found: dict[str, Any] = {}
    for key, value in before.items():
        other = after[key]
        if value == other:
            continue
        if isinstance(value, dict):
            found[key] = {
                k: [value.get(k), other.get(k)] for k in {**value, **other} if value.get(k) != other.get(k)
            }
        elif key == "filters":
            found[key] = [sorted(set(other) - set(value)), sorted(set(value) - set(other))]
        else:
            found[key] = [str(value)[:200], str(other)[:200]]
    return found


def calls(folder: Path) -> dict[str, Callable[[], object]]:
    """Every public function, by name."""
    import numpy as np

    import centernet
    from centernet.data.doctor.examine import examine
    from centernet.data.doctor.preview import contact_sheet_of
    from centernet.data.splitting.split import split_dataset
    from centernet.data.synthetic import write_scenes

    image = np.full((64, 64, 3), 90, np.uint8)
    data = folder / "data"
    small = {"backbone": "slim", "channels": 8, "head_channels": 8, "imgsz": 64, "batch": 2, "epochs": 1}
    run = {"device": "cpu", "workers": 1, "project": str(folder / "runs"), **small}
    made: dict[str, Any] = {}

    def keep(name: str, value: Any) -> Any:
        made[name] = value
        return value

    def model() -> Any:
        return made["model"]

    return {
        "write_scenes": lambda: write_scenes(data, train=6, val=4, size=64),
        "CenterNet": lambda: keep("model", centernet.CenterNet("blood-cells", "cpu")),
        "predict": lambda: keep("found", next(model().predict(image, conf=0.0))),
        "plot": lambda: made["found"].plot(),
        "explain": lambda: model().explain(made["found"]),
        "save": lambda: model().save(folder / "weights"),
        "open_dataset": lambda: keep("dataset", centernet.open_dataset(data, "val")),
        "examine": lambda: examine(made["dataset"]),
        "contact_sheet_of": lambda: contact_sheet_of(made["dataset"]),
        "split_dataset": lambda: split_dataset(
            write_scenes(folder / "whole", train=6, val=0, size=64), to=folder / "parts", val=0.3
        ),
        "plan": lambda: centernet.CenterNet("nano", "cpu").plan(data, device="cpu", epochs=1),
        "train": lambda: keep("trained", centernet.CenterNet("nano", "cpu")).train(data, **run),
        "resume": lambda: centernet.CenterNet("nano", "cpu").train(
            resume=folder / "runs" / "train", workers=0
        ),
        "val": lambda: made["trained"].val(
            data, save_json=folder / "found.json", save_dir=folder / "val", workers=2
        ),
        "score": lambda: centernet.score(
            "coco", data / "annotations" / "instances_val.json", folder / "found.json"
        ),
        "export": lambda: model().export("onnx", output=folder / "m.onnx"),
        "exported": lambda: next(centernet.CenterNet(folder / "m.onnx").predict(image)),
    }


def main(folder: Path) -> None:
    """Calls everything, and prints the changes of each call as json."""
    prepare()
    state()
    found = {}
    for name, call in calls(folder).items():
        before = state()
        HOST.records.clear()
        try:
            call()
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
            continue
        changed = differences(before, state())
        if HOST.records:
            changed["logged"] = HOST.records[:5]
        if changed:
            found[name] = changed
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
