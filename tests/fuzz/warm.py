"""Makes the whole inputs that cases begin with, and imports what commands import, before the first fork."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import seeds

from centernet.cli import main

_SETS = ("coco", "voc", "yolo", "coco-pose", "yolo-pose", "deeplabcut", "labelme")
_NEEDED = {
    "pixels": ("images",),
    "images": ("images", "weights"),
    "data-settings": ("scene",),
    **dict.fromkeys(("settings", "long-settings", "places"), ("scene", "weights")),
    "evaluation": (*_SETS, "weights", "pose-weights"),
    "training": _SETS,
    "runs": ("run",),
    **{name: (name, "scene") for name in ("weights", "pose-weights", "onnx", "pt2", "openvino")},
}
"""Seeds of the kinds that need others than the one of their name."""

QUICK = frozenset(
    (*_SETS, "coco-3d", "kitti", "torchvision", "obj-data", "results", "pixels", "data-settings")
)
"""Kinds whose commands need no network."""

_TRAIN = frozenset(("training", "long-settings", "runs"))
"""Kinds whose commands train."""


def up(only: Sequence[str], folder: Path, work: Path) -> None:
    """Makes the seeds of some kinds, and runs the commands once that they take.

    Args:
        only: The kinds.
        folder: Folder of the seeds.
        work: Folder for what commands write.
    """
    needs_torch, trains = not set(only) <= QUICK, bool(_TRAIN & set(only))
    if needs_torch:
        import torch

        torch.set_num_threads(1)
    for kind in only:
        for name in _NEEDED.get(kind, (kind,)):
            seeds.make(name, folder)
    coco = f"data={seeds.make('coco', folder)}"
    commands = [["models"], ["doctor", coco], ["preview", coco, "output=warm.png"], ["split", coco]]
    if needs_torch:
        scene = seeds.make("scene", folder)
        data, model = f"data={scene / 'data'}", f"model={seeds.make('weights', folder)}"
        small = f"imgsz={seeds.SIZE}"
        commands.append(["predict", model, f"source={scene / 'images'}", "save=false", small])
        commands.append(["val", model, data, small, *["save_dir=warm-val"] * trains])
    if trains:
        import lightning.pytorch  # noqa: F401
        import torch._dynamo

        import centernet.training.fit  # noqa: F401

        commands.append(["plan", data])
    here = Path.cwd()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for words in commands:
                main(words)
    finally:
        os.chdir(here)
