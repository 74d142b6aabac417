"""Small runs that must learn: a detector that cannot learn sixteen images by heart is broken."""

from pathlib import Path

import pytest

from centernet.data.scenes import write_scenes
from centernet.detector import CenterNet


@pytest.mark.parametrize("backbone", ["timm/resnet10t", "resnet18-dcn"])
def test_sixteen_scenes_are_learned_by_heart(backbone: str, tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes", train=16, val=0, size=64)
    model = CenterNet("nano", device="cpu")

    model.train(
        scenes, backbone=backbone, imgsz=64, epochs=60, batch=8, lr=3e-3, color=0, random_crop=False,
        scale_min=1.0, scale_max=1.0, flip=0.0, ema=0.9, workers=0, project=str(tmp_path), progress=False,
    )  # fmt: skip

    assert model.val(scenes, split="train").metrics["AP50"] > 0.9
