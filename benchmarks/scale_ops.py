"""Rows of the table on scale: losses of many classes, and the post-processing of many boxes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from benchmarks.scaling import Row, Side
from torch import Tensor

from centernet.hardware import tune_allocator
from centernet.models.factory import Architecture
from centernet.ops.nms import soft_nms
from centernet.protocols import Maps, Outputs, Task
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.detect import Detect
from centernet.tasks.layered import neighbours
from centernet.tasks.layered.task import Layered

CELLS, STRIDE = 128, 4
"""Sides of the maps of 512² pixels."""


@dataclass(frozen=True)
class Step:
    """A task with logits, as its head gives them, and objects, ten an image.

    Attributes:
        task: The task.
        objects: The ground truth.
        grid: The maps; sparse for our side.
        features: Input of the head, which computes the logits within the measured time.
        head: The last layer of the heatmap.
    """

    task: Task
    objects: BatchAnnotations
    grid: Grid
    features: Tensor
    head: torch.nn.Conv2d


def step(classes: int, images: int, *, sparse: bool) -> Step:
    tune_allocator()
    torch.manual_seed(0)
    grid = Grid(batch=images, height=CELLS, width=CELLS, stride=STRIDE, sparse=sparse)
    features = torch.randn(images, 64, CELLS, CELLS).contiguous(memory_format=torch.channels_last)
    ready = Step(
        Detect(num_classes=classes),
        objects(10, images, classes),
        grid,
        features.requires_grad_(),
        head(classes),
    )
    loss_and_gradient(step_of_few(ready))
    return ready


def step_of_few(ready: Step) -> Step:
    """The same for one class: libraries are loaded by it, not within the measurement."""
    few = replace(ready.objects, labels=torch.zeros_like(ready.objects.labels))
    return replace(ready, task=Detect(num_classes=1), objects=few, head=head(1))


def head(classes: int) -> torch.nn.Conv2d:
    layer = torch.nn.Conv2d(64, classes, 1)
    torch.nn.init.normal_(layer.weight, std=0.01)
    torch.nn.init.constant_(layer.bias, -2.19)
    return layer


def objects(count: int, images: int, classes: int, side: int = 512) -> BatchAnnotations:
    corner = torch.rand(count * images, 2) * 0.8 * side
    sides = 8 + torch.rand(count * images, 2) * 0.2 * side
    return BatchAnnotations(
        boxes=torch.cat([corner, corner + sides], dim=1),
        labels=torch.randint(0, classes, (count * images,)),
        image_index=torch.arange(images).repeat_interleave(count),
    )


def loss_and_gradient(ready: Step) -> dict[str, float]:
    """Targets, logits, loss and gradient of the heatmap."""
    maps: Maps = {"heatmap": ready.head(ready.features)}
    for name in ("size", "offset"):
        maps[name] = torch.zeros(ready.grid.batch, 2, CELLS, CELLS, requires_grad=True)
    terms = ready.task.loss(maps, ready.task.encode(ready.objects, ready.grid))
    del maps
    terms["heatmap"].backward()
    assert ready.features.grad is not None
    return {"loss": terms["heatmap"].item(), "gradient": ready.features.grad.double().norm().item()}


def step_sides(images: int) -> dict[str, Side]:
    return {
        "ours": Side(prepare=lambda classes: step(classes, images, sparse=True), work=loss_and_gradient),
        "dense targets": Side(
            prepare=lambda classes: step(classes, images, sparse=False), work=loss_and_gradient
        ),
    }


@dataclass(frozen=True)
class Training:
    """A network with its optimiser, images and objects."""

    task: Task
    network: torch.nn.Module
    optimizer: torch.optim.Optimizer
    images: Tensor
    objects: BatchAnnotations


def training(classes: int, images: int) -> Training:
    tune_allocator()
    torch.manual_seed(0)
    task = Detect(num_classes=classes)
    network = Architecture(backbone="resnet18").build(task.heads).train()
    network.to(memory_format=torch.channels_last)
    side = CELLS * STRIDE
    return Training(
        task,
        network,
        torch.optim.AdamW(network.parameters()),
        torch.randn(images, 3, side, side).contiguous(memory_format=torch.channels_last),
        objects(10, images, classes),
    )


def two_steps(ready: Training) -> None:
    """The second has what the optimiser keeps."""
    grid = Grid(batch=len(ready.images), height=CELLS, width=CELLS, stride=STRIDE, sparse=True)
    for _ in range(2):
        ready.optimizer.zero_grad()
        loss(ready, grid).backward()
        ready.optimizer.step()


def loss(ready: Training, grid: Grid) -> Tensor:
    (maps,) = ready.network(ready.images, at_cells=True)
    return torch.stack(list(ready.task.loss(maps, ready.task.encode(ready.objects, grid)).values())).sum()


def training_side(images: int) -> dict[str, Side]:
    return {"ours": Side(prepare=lambda classes: training(classes, images), work=two_steps)}


Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]


def boxes(count: int) -> Boxes:
    """Boxes of one class in 1000² pixels, each of which overlaps many others."""
    rng = np.random.default_rng(0)
    corner, sides = rng.uniform(0, 1000, (count, 2)), np.exp(rng.uniform(np.log(10), np.log(120), (count, 2)))
    found = np.concatenate([corner, corner + sides], axis=1).astype(np.float32)
    return found, rng.random(count).astype(np.float32), np.zeros(count, dtype=np.int64)


def suppressed(ready: Boxes) -> dict[str, float]:
    kept = soft_nms(*ready, top_k=len(ready[0]))
    return {"kept": len(kept.rows), "scores": float(kept.scores.sum(dtype=np.float64))}


def suppressed_by_pairs(ready: Boxes) -> dict[str, float]:
    """Soft-NMS by the IoU of all pairs, as it was done before."""
    found, scores, _ = ready
    x1, y1, x2, y2 = found.astype(np.float64).T
    width = np.maximum(np.minimum(x2[:, None], x2) - np.maximum(x1[:, None], x1) + 1, 0)
    height = np.maximum(np.minimum(y2[:, None], y2) - np.maximum(y1[:, None], y1) + 1, 0)
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    common = width * height
    factors = np.exp(-np.square(common / (areas[:, None] + areas - common)) / 0.5)
    left, kept = scores.astype(np.float64), []
    while (best := left.argmax()) >= 0 and left[best] > 0:
        kept.append(np.float32(left[best]))
        left[best] = 0
        lowered = left * factors[best]
        left = np.where((lowered < left) & (lowered < 0.001), 0, lowered)
    return {"kept": len(kept), "scores": float(np.sum(kept, dtype=np.float64))}


@dataclass(frozen=True)
class Crowd:
    """Maps of an image on four levels."""

    task: Layered
    maps: Maps


def crowd(count: int) -> Crowd:
    tune_allocator()
    torch.manual_seed(0)
    task = Layered(inner=Detect(num_classes=10, top_k=count), levels=4)
    grid = Grid(batch=1, height=256, width=256, stride=STRIDE)
    targets = task.encode(objects(count, 1, 10, side=1024), grid)
    maps: Maps = {}
    for name, spec in task.heads.items():
        side = grid.coarser(spec.level).height
        maps[name] = 3 + 8 * torch.rand(1, spec.channels, side, side)
        if spec.heatmap:
            maps[name] = torch.logit(0.8 * targets[name] + 0.1 * torch.rand(targets[name].shape), eps=1e-4)
        elif name.startswith("offset"):
            maps[name] = torch.rand(1, 2, side, side)
    few = Layered(inner=Detect(num_classes=10, top_k=10), levels=4)
    with torch.no_grad():
        few.decode(maps, STRIDE)
    return Crowd(task, maps)


def decoded(ready: Crowd) -> dict[str, float]:
    with torch.no_grad():
        found: Outputs = ready.task.decode(ready.maps, STRIDE)
    return {"scores": found["scores"].double().sum().item()}


def crowd_by_pairs(count: int) -> Crowd:
    """Compared with each other are all boxes at once, as before."""
    neighbours.FEW = 1 << 62
    return crowd(count)


def _side(prepare: Callable[[int], Crowd]) -> Side:
    return Side(prepare=prepare, work=decoded)


ROWS = (
    Row(
        name="target, head and loss, 2 images",
        sizes=(80, 1203),
        unit="classes",
        sides=step_sides(2),
        # Four maps of 150 MB.
        limits={"peak_mb": 4 * 150.4},
        tolerance=1.0,
    ),
    Row(
        name="target, head and loss, 8 images",
        sizes=(80,),
        unit="classes",
        sides=step_sides(8),
        limits={"peak_mb": 4 * 40},
        tolerance=1.0,
    ),
    Row(
        name="training step of `resnet18`, 8 images of 512²",
        sizes=(80, 1203),
        unit="classes",
        sides=training_side(8),
        limits={"peak_mb": 6000 - 500},
    ),
    Row(
        name="training step of `resnet18`, one image of 512²",
        sizes=(1203, 10_000),
        unit="classes",
        sides=training_side(1),
        limits={"peak_mb": 4000 - 500},
    ),
    Row(
        name="soft-NMS",
        sizes=(2000, 8000),
        unit="boxes",
        sides={
            "ours": Side(prepare=boxes, work=suppressed),
            "all pairs": Side(prepare=boxes, work=suppressed_by_pairs),
        },
        limits={"cpu_s": 0.5, "peak_mb": 20},
        tolerance=1e-6,
    ),
    Row(
        name="decoding of four levels",
        sizes=(500, 2000),
        unit="objects",
        sides={"ours": _side(crowd), "all pairs": _side(crowd_by_pairs)},
        limits={"cpu_s": 0.05},
        tolerance=1e-6,
    ),
)
