"""Small runs that must learn: a detector that cannot overfit sixteen images is broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from centernet.data.loading.collate import collate
from centernet.data.synthetic import generate, write_scenes
from centernet.detector import CenterNet
from centernet.models.backbones.dla import DLA
from centernet.models.backbones.hourglass import Hourglass
from centernet.models.backbones.resnet import ResNet
from centernet.models.backbones.timm import Timm
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.structures.batch import Grid
from centernet.tasks.detect import Detect

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


def test_a_detector_overfits_sixteen_scenes(scenes: Path, tmp_path: Path) -> None:
    model = CenterNet("nano", device="cpu")

    # Whole scenes, from random weights.
    plain = {"mosaic": 0, "plain_epochs": 0, "schedule": "cosine", "start": "none", "val_split": 0}
    model.train(scenes, epochs=60, lr=3e-3, project=str(tmp_path), **plain, **SETTINGS)

    assert model.val(scenes, split="train").metrics["AP50"] > 0.9


BACKBONES: dict[str, Callable[[], Any]] = {
    "resnet18": lambda: ResNet(18),
    "resnet18-dcn": lambda: ResNet(18, deformable=True),
    "dla34": lambda: DLA(),
    "dla34-dcn": lambda: DLA(deformable=True),
    # Like Hourglass-104 but thin: that one has 191 million weights.
    "hourglass": lambda: Hourglass(channels=(32, 32, 48, 64), residuals=(1, 1, 1, 2)),
    "timm/resnet10t": lambda: Timm("resnet10t"),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_learns_four_scenes(name: str) -> None:
    torch.manual_seed(0)
    task = Detect(num_classes=3)
    network = Network(BACKBONES[name](), task.heads)
    batch = collate(list(generate(4, seed=0, size=64)))
    images = Normalize()(batch.images)
    targets = task.encode(batch.objects, Grid(batch=4, height=16, width=16, stride=4))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        terms = [task.loss(maps, targets) for maps in network(images)]
        loss = torch.stack([value for stack in terms for value in stack.values()]).sum() / len(terms)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.7 * losses[0]
