"""Small runs that must learn: a detector that cannot learn sixteen images by heart is broken."""

import csv
from pathlib import Path
from typing import Any

import pytest

from centernet.data.scenes import write_scenes
from centernet.detector import CenterNet

SETTINGS: dict[str, Any] = {
    "imgsz": 64,
    "batch": 8,
    "color": 0,
    "random_crop": False,
    "scale_min": 1.0,
    "scale_max": 1.0,
    "flip": 0.0,
    "ema": 0.9,
    "workers": 0,
    "progress": False,
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=16, val=0, size=64)


def test_sixteen_scenes_are_learned_by_heart(scenes: Path, tmp_path: Path) -> None:
    model = CenterNet("nano", device="cpu")

    model.train(scenes, epochs=60, lr=3e-3, project=str(tmp_path), **SETTINGS)

    assert model.val(scenes, split="train").metrics["AP50"] > 0.9


def test_the_networks_of_the_paper_learn(scenes: Path, tmp_path: Path) -> None:
    model = CenterNet("nano", device="cpu")

    model.train(scenes, backbone="resnet18-dcn", epochs=16, project=str(tmp_path), **SETTINGS)

    assert model.run_folder is not None
    rows = csv.DictReader((model.run_folder / "results.csv").read_text().splitlines())
    losses = [float(row["train/loss"]) for row in rows]
    assert losses[-1] < 0.85 * losses[0]
