"""Pre-trains a detector on generated scenes: `uv run python -m pretraining.train --output FOLDER`.

The same command goes on where a stopped one ended. Every image is new, drawn from its number alone. The
learning rate stays as it is until the last fifth of the images, in which it falls to zero, so a larger
`--images` prolongs a training whose fall has not begun.

The detector has one class, "object". Beside it a linear layer tells kinds of objects apart, from the features
by which a detector of several classes would tell these; the features are kept, the layer is not.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pretraining.scenes import SPECIES, Scene, scene
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from centernet.hardware import tune_allocator
from centernet.inference.predictor import TorchPredictor
from centernet.models.convolutions import conv3x3_at
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Categories
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.training.build import build_predictor
from centernet.weights import files

SIDES = ((256, 256), (224, 288), (288, 224), (192, 320), (320, 192), (320, 320))
"""Heights and widths of inputs, by turns, pixels."""

RECIPE_OF = {"nano": "few-nano", "small": "few"}
"""The recipe whose network has this name."""

KEPT = 0.999
"""Decay of the moving average of the weights."""

FALL = 0.2
"""Last fraction of the images in which the learning rate falls."""

KINDS_WEIGHT = 1.0
"""Weight of the cross-entropy of kinds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path, help="folder of the checkpoint and the weights")
    parser.add_argument("--network", choices=RECIPE_OF, default="nano")
    parser.add_argument("--images", type=int, default=200_000, help="images in all")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--snapshots", nargs="*", type=int, default=[], help="numbers of images to save at")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    tune_allocator()
    Training(options).run()


def recipe_of(network: str) -> Recipe:
    """The recipe of the detector that is pre-trained."""
    return with_settings(
        RECIPES[RECIPE_OF[network]](),
        imgsz=256,
        sides_weight=0.5,
        giou_weight=5.0,
        box_bins=17,
        box_scale=4.0,
        soft_heatmap=True,
        class_weight=1.0,
    )


class Training:
    """The state of a pre-training."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        categories = Categories(names=("object",), ids=(1,))
        self.predictor = build_predictor(recipe_of(options.network), categories)
        self.average = build_predictor(recipe_of(options.network), categories)
        self.network = self.predictor.network.to(memory_format=torch.channels_last).train()
        heads = self.network.heads[0]
        assert isinstance(heads, nn.ModuleDict)
        self.head = heads["classes"]
        assert isinstance(self.head, nn.Sequential)
        self.kinds = nn.Linear(self.head[2].in_channels, SPECIES)
        self.optimizer = torch.optim.AdamW(
            [*self.network.parameters(), *self.kinds.parameters()], lr=options.lr, weight_decay=0.01
        )
        self.images = 0
        self.seconds = 0.0

    def run(self) -> None:
        """Trains on from the checkpoint, if there is one."""
        path = self.options.output / "checkpoint.pt"
        if path.exists():
            self._load(path)
        sums: dict[str, float] = {}
        started = last = time.monotonic()
        before, first = self.seconds, self.images
        for batch in self._loader():
            for group in self.optimizer.param_groups:
                group["lr"] = self.options.lr * self._factor()
            for name, value in self._step(*batch).items():
                sums[name] = sums.get(name, 0.0) + value
            crossed = [n for n in self.options.snapshots if n - self.options.batch < self.images <= n]
            self.images += self.options.batch
            self.seconds = before + time.process_time()
            if crossed:
                self._save_weights(f"{crossed[0]}")
            if time.monotonic() - last > 60:
                count = (self.images - first) / self.options.batch
                rate = (time.monotonic() - started) / (self.images - first)
                terms = " ".join(f"{name} {value / count:.3f}" for name, value in sums.items())
                print(f"{self.images} images, {self.seconds:.0f} s, {1e3 * rate:.1f} ms: {terms}", flush=True)
                self._save(path)
                sums, first, started, last = {}, self.images, time.monotonic(), time.monotonic()
        self._save(path)
        self._save_weights("final")

    def _step(self, images: Tensor, objects: BatchAnnotations, kinds: Tensor) -> dict[str, float]:
        height, width = images.shape[2:]
        grid = Grid(batch=len(images), height=height // 4, width=width // 4)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.bf16):
            inputs = self.predictor.normalize(images).contiguous(memory_format=torch.channels_last)
            maps = self.network(inputs, at_cells=True)[-1]
            terms = self.predictor.task.loss(maps, self.predictor.task.encode(objects, grid))
        terms["kinds"] = KINDS_WEIGHT * self._kinds_loss(maps["classes"], objects, kinds, grid)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        self._update_average()
        return {name: float(value.detach()) for name, value in terms.items()}

    def _kinds_loss(self, head: Any, objects: BatchAnnotations, kinds: Tensor, grid: Grid) -> Tensor:
        """Cross-entropy of the kinds at the centres of the objects whose kind is known."""
        centers = ((objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2 / grid.stride).long()
        x, y = centers[:, 0].clamp(0, grid.width - 1), centers[:, 1].clamp(0, grid.height - 1)
        known = kinds >= 0
        if not known.any():
            return head.features.new_zeros(())
        cells = torch.stack([objects.image_index, y, x], dim=1)[known]
        hidden = conv3x3_at(self.head[0], head.features.float(), cells).flatten(1).relu()
        return F.cross_entropy(self.kinds(hidden.float()), kinds[known])

    @torch.no_grad()
    def _update_average(self) -> None:
        kept = min(KEPT, (1 + self.images) / (10 * self.options.batch + self.images))
        averaged, current = self.average.network.state_dict(), self.network.state_dict()
        pairs = [(averaged[key], value) for key, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_([pair[0] for pair in pairs], [pair[1] for pair in pairs], 1 - kept)

    def _factor(self) -> float:
        """The learning rate relative to `--lr`: a short rise, constant, and a linear fall."""
        left = (self.options.images - self.images) / (FALL * self.options.images)
        return min(1.0, (self.images + self.options.batch) / 2000, max(left, 0.0))

    def _loader(self) -> "DataLoader[Any]":
        return DataLoader(
            Scenes(),
            batch_sampler=Batches(self.images, self.options.images, self.options.batch),
            num_workers=self.options.workers,
            collate_fn=collate,
            worker_init_fn=_one_thread,
            prefetch_factor=4 if self.options.workers else None,
        )

    def _load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.kinds.load_state_dict(state["kinds"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.images, self.seconds = state["images"], state["seconds"]

    def _save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "kinds": self.kinds.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "images": self.images,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def _save_weights(self, name: str) -> None:
        averaged: TorchPredictor = self.average
        files.save(averaged, self.options.output / name, half=True)


class Scenes(Dataset[Scene]):
    """Generated scenes by number and size."""

    def __getitem__(self, key: tuple[int, int, int]) -> Scene:
        return scene(*key)


class Batches(Sampler[list[tuple[int, int, int]]]):
    """The numbers of the scenes of each batch, all of one size."""

    def __init__(self, first: int, count: int, batch: int) -> None:
        self.first, self.count, self.batch = first, count, batch

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for start in range(self.first, self.count, self.batch):
            height, width = SIDES[start // self.batch % len(SIDES)]
            yield [(number, height, width) for number in range(start, start + self.batch)]


def collate(scenes: list[Scene]) -> tuple[Tensor, BatchAnnotations, Tensor]:
    """Images, their objects, and the kind of each."""
    counts = torch.tensor([len(one.boxes) for one in scenes])
    boxes = torch.cat([torch.from_numpy(one.boxes) for one in scenes])
    objects = BatchAnnotations(
        boxes=boxes,
        labels=torch.zeros(len(boxes), dtype=torch.long),
        image_index=torch.repeat_interleave(torch.arange(len(scenes)), counts),
    )
    images = torch.stack([torch.from_numpy(one.image).permute(2, 0, 1) for one in scenes])
    return images, objects, torch.cat([torch.from_numpy(one.species) for one in scenes])


def _one_thread(_worker: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
