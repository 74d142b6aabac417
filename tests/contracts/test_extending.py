"""A toy task, backbone, format and inference backend is added as CONTRIBUTING says, and works."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from centernet import CenterNet
from centernet.data.formats import catalog
from centernet.data.synthetic import write_scenes
from centernet.inference.backends import formats
from centernet.inference.backends.base import Arrays, ModelMetadata
from centernet.io.images import is_image
from centernet.models import factory
from centernet.ops.center_boxes import mean_logit
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss
from centernet.ops.peaks import find_peaks
from centernet.protocols import (
    BOX_OUTPUTS,
    Backbone,
    HeadSpec,
    Maps,
    Outputs,
    OutputSpec,
    Targets,
    Task,
    with_fields,
)
from centernet.structures import Annotations, Categories, Dataset, ImageRecord
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.training import task_builders
from centernet.training.task_builders import TaskBuilder
from centernet.weights import config

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
TINY: dict[str, Any] = {
    "channels": 8,
    "head_channels": 8,
    "imgsz": 64,
    "epochs": 1,
    "batch": 2,
    "workers": 0,
    "precision": "32",
    "progress": False,
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=2, val=1, size=64)


@dataclass(frozen=True, kw_only=True)
class Spots:
    """A toy task: objects of one size, found at the peaks of a heatmap.

    Attributes:
        num_classes: Classes.
        top_k: Detections per image.
        side_px: Side of all boxes, input pixels.
    """

    num_classes: int
    top_k: int = 100
    side_px: float = 16.0

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        return {"heatmap": HeadSpec(channels=self.num_classes, bias=-2.19, heatmap="heatmap")}

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        return BOX_OUTPUTS

    @property
    def is_scale_dependent(self) -> bool:
        return False

    def with_settings(self, **settings: Any) -> "Spots":
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        centers = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2 / grid.stride
        x, y = centers.round().long().unbind(1)
        inside = (x >= 0) & (x < grid.width) & (y >= 0) & (y < grid.height)
        cells = torch.stack([objects.image_index, y, x], dim=1)[inside]
        radii = torch.ones(len(cells), dtype=torch.long)
        return {
            "heatmap": draw_gaussians(grid, self.num_classes, cells, objects.labels[inside], radii),
            "cells": cells,
        }

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        return {"heatmap": focal_loss(maps["heatmap"], targets["heatmap"])}

    def decode(self, maps: Maps, stride: int) -> Outputs:
        peaks = find_peaks(maps["heatmap"].float(), self.top_k)
        centers = peaks.cells[..., [2, 1]] * stride
        boxes = torch.cat([centers - self.side_px / 2, centers + self.side_px / 2], dim=2)
        return {"boxes": boxes, "scores": peaks.values.sigmoid(), "labels": peaks.labels}

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        return {"heatmap": mean_logit(maps["heatmap"], flipped["heatmap"].flip(3))}


def test_a_new_task_is_trained_saved_loaded_and_predicts(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(task_builders.TASK_BUILDERS, "spots", TaskBuilder(Spots, has_layers=False))
    monkeypatch.setitem(config.TASKS, "spots", Spots)
    model = CenterNet("nano", "cpu")

    model.train(scenes, task="spots", top_k=7, project=str(tmp_path / "runs"), regression_channels=0, **TINY)
    model.save(tmp_path / "weights")
    loaded = CenterNet(tmp_path / "weights", "cpu")
    ways = {"conf": 0.0, "max_det": 7, "flip": True, "scales": (1.0, 1.5)}
    one, other = (next(iter(each.predict(scenes / "val", **ways))) for each in (model, loaded))

    assert isinstance(Spots(num_classes=1), Task)
    assert json.loads((tmp_path / "weights" / "config.json").read_text())["task"] == {
        "name": "spots",
        "num_classes": 3,
        "top_k": 7,
        "side_px": 16.0,
    }
    assert loaded.predictor.task == Spots(num_classes=3, top_k=7)
    assert len(one) == 7
    assert (one.boxes == other.boxes).all()
    assert loaded.val(scenes).metrics["AP"] >= 0


class Blocks(nn.Module):
    """A toy backbone: one convolution of stride 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, channels, kernel_size=8, stride=8)
        self.channels = channels
        self.stride = 8
        self.divisor = 8
        self.stacks = 1

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.convolution(images)]

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        return ()

    def start_head(self, head: nn.Sequential) -> None:
        nn.init.zeros_(head[-1].weight)  # type: ignore[arg-type]


def test_a_new_backbone_builds_a_network_that_is_trained_saved_and_loaded(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_backbone = factory.build_backbone

    def with_blocks(name: str, *, channels: int = 64, **choices: bool) -> Backbone:
        # The line that `build_backbone` would get.
        if name == "blocks":
            return Blocks(channels)  # type: ignore[return-value]
        return build_backbone(name, channels=channels, **choices)

    monkeypatch.setattr(factory, "build_backbone", with_blocks)
    model = CenterNet("nano", "cpu")

    model.train(scenes, backbone="blocks", project=str(tmp_path / "runs"), regression_channels=0, **TINY)
    model.save(tmp_path / "weights")
    loaded = CenterNet(tmp_path / "weights", "cpu")
    one, other = (next(iter(each.predict(scenes / "val", conf=0.0))) for each in (model, loaded))

    assert isinstance(Blocks(8), Backbone)
    assert isinstance(loaded.predictor.network.backbone, Blocks)
    assert loaded.predictor.stride == 8
    assert (one.boxes == other.boxes).all()


class NamedBoxes:
    """A toy format: each line of `boxes.txt` is a file, a class and a box."""

    NAME: ClassVar[str] = "named boxes"
    LOOKED_FOR: ClassVar[str] = "boxes.txt beside images"

    def identify(self, path: Path) -> bool:
        return (path / "boxes.txt").is_file()

    def splits(self, path: Path) -> tuple[str, ...]:
        return ("all",) if self.identify(path) else ()

    def read(self, path: Path, split: str | None = None, images: Path | None = None) -> Dataset:  # noqa: ARG002
        rows = [line.split() for line in (path / "boxes.txt").read_text().splitlines()]
        names = sorted({row[1] for row in rows})
        images = sorted(file for file in path.iterdir() if is_image(file))
        records = []
        for number, image in enumerate(images, start=1):
            own = [row for row in rows if row[0] == image.name]
            boxes = np.array([row[2:] for row in own], dtype=np.float32).reshape(-1, 4)
            labels = np.array([names.index(row[1]) for row in own], dtype=np.int64)
            annotations = Annotations.of(boxes, labels)
            record = ImageRecord(path=image, image_id=number, annotations=annotations, source="boxes.txt")
            records.append(record)
        categories = Categories.of(*names)
        return Dataset(name=str(path), format=self.NAME, categories=categories, records=tuple(records))


def test_a_new_format_is_identified_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named_boxes = NamedBoxes()
    monkeypatch.setattr(catalog, "FORMATS", (*catalog.FORMATS, named_boxes))
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    (tmp_path / "boxes.txt").write_text("a.png cat 1 2 8 9\nb.png dog 3 4 10 11\nb.png cat 0 0 5 5\n")

    dataset = catalog.open_dataset(tmp_path)

    assert isinstance(named_boxes, catalog.DatasetFormat)
    assert catalog.format_of(tmp_path) is named_boxes
    assert catalog.splits(tmp_path) == ("all",)
    assert dataset.categories.names == ("cat", "dog")
    assert [record.annotations.boxes.tolist() for record in dataset.records] == [
        [[1, 2, 8, 9]],
        [[3, 4, 10, 11], [0, 0, 5, 5]],
    ]


class Recorded:
    """A toy inference backend: a file of metadata whose detections are always the same."""

    max_concurrency = 1

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.metadata = ModelMetadata.read(json.loads(path.read_text()), self.name)

    def run(self, images: np.ndarray, *, half: bool = False) -> Arrays:  # noqa: ARG002
        self.metadata.check(images, self.name)
        count = len(images)
        return {
            "boxes": np.tile(np.array([8, 16, 24, 40], np.float32), (count, 1, 1)),
            "scores": np.full((count, 1), 0.75, np.float32),
            "labels": np.ones((count, 1), np.int64),
        }


def test_a_new_inference_backend_runs_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.FORMATS, "recorded", formats.Format(ending=".recorded", open=Recorded))  # type: ignore[arg-type]
    described = {
        "task": {"name": "detect", "num_classes": 2, "top_k": 1},
        "categories": {"names": ["cat", "dog"], "ids": [1, 2]},
        "resize": {"name": "fit", "height": 64, "width": 64},
    }
    metadata = {
        "centernet": described,
        "outputs": ["boxes", "scores", "labels"],
        "divisor": 32,
        "short": 0,
        "stride": 4,
        "precision": "fp32",
    }
    entries = {key: json.dumps(value) for key, value in metadata.items()}
    (tmp_path / "pets.recorded").write_text(json.dumps(entries))

    (found,) = CenterNet(tmp_path / "pets.recorded").predict(np.zeros((64, 64, 3), np.uint8))

    assert list(found.names) == ["dog"]
    assert found.boxes.tolist() == [[8, 16, 24, 40]]
    assert found.scores.tolist() == [0.75]


def test_the_guide_names_every_place_that_an_addition_touches() -> None:
    guide = CONTRIBUTING.read_text()
    places = {
        "backbone": ("models/backbones/", "models/factory.py", "tests/contracts/test_backbones.py"),
        "task": ("tasks/", "weights/config.py", "training/task_builders.py", "tests/contracts/test_tasks.py"),
        "data format": ("data/formats/", "data/formats/catalog.py", "tests/contracts/test_data_formats.py"),
        "inference backend": ("inference/backends/", "inference/backends/formats.py", "export/exporter.py"),
    }
    for title, paths in places.items():
        (section,) = (part for part in guide.split("\n### ") if part.lower().startswith(title))
        assert [path for path in paths if path not in section] == [], title


def test_the_guide_says_truly_where_things_are() -> None:
    rows = re.findall(r"^\|.*\]\((\S+)\) \| `(\w+)` \|$", CONTRIBUTING.read_text(), re.MULTILINE)

    assert len(rows) >= 10
    assert [row for row in rows if row[1] not in (CONTRIBUTING.parent / row[0]).read_text()] == []
