"""Makes the whole inputs that cases begin with, and imports what commands import, before the first fork."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import seeds

from centernet.cli import main

_NEEDED = {
    "images": ("images", "weights"),
    "settings": ("scene",),
    "long-settings": ("scene",),
    "training": ("coco", "voc", "yolo", "coco-pose", "yolo-pose", "deeplabcut", "labelme"),
    "places": ("scene",),
    "runs": ("run",),
    "weights": ("weights", "scene"),
    "pose-weights": ("pose-weights", "scene"),
    "onnx": ("onnx", "scene"),
    "pt2": ("pt2", "scene"),
    "openvino": ("openvino", "scene"),
}
"""Seeds of the kinds that need more than the one of their name."""


def up(only: Sequence[str], folder: Path, work: Path) -> None:
    """Makes the seeds of some kinds, and runs every command once that they take.

    Args:
        only: The kinds.
        folder: Folder of the seeds.
        work: Folder for what commands write.
    """
    if {"training", "long-settings", "runs"} & set(only):
        import lightning.pytorch  # noqa: F401
        import torch._dynamo  # noqa: F401

        import centernet.training.fit  # noqa: F401
    for kind in only:
        for name in _NEEDED.get(kind, (kind, "weights", "pose-weights") if kind != "results" else (kind,)):
            seeds.make(name, folder)
    scene = seeds.make("scene", folder)
    data, model = f"data={scene / 'data'}", f"model={scene / 'model'}"
    here = Path.cwd()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            main(["models"])
            main(["doctor", data])
            main(["preview", data, "output=warm.png"])
            main(["predict", model, f"source={scene / 'images'}", "save=false", f"imgsz={seeds.SIZE}"])
            main(["val", model, data, "save_dir=warm-val", f"imgsz={seeds.SIZE}"])
            if {"training", "long-settings", "runs"} & set(only):
                main(["plan", data])
            main(["convert", f"model={scene / 'calib.txt'}", "output=warm-out"])
    finally:
        os.chdir(here)
