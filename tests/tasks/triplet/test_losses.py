"""Losses that do not depend on how the images of a batch are distributed over devices."""

from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from centernet.ops.losses import shared_count
from centernet.protocols import Maps
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.triplet.losses import pull_and_push
from centernet.tasks.triplet.task import Triplet

TASK = Triplet(num_classes=2)
# Three objects in one image, one in each of two, none in the last.
OBJECTS = BatchAnnotations(
    boxes=torch.tensor([[0.0, 0, 20, 20], [8, 8, 40, 30], [30, 4, 60, 60], [4, 4, 30, 30], [9, 20, 50, 50]]),
    labels=torch.tensor([0, 1, 0, 1, 1]),
    image_index=torch.tensor([0, 0, 0, 1, 2]),
)


def total(images: range) -> torch.Tensor:
    """The loss of some images of the batch."""
    generator = torch.Generator().manual_seed(0)
    maps: Maps = {
        name: torch.randn(4, spec.channels, 16, 16, generator=generator)[images.start : images.stop]
        for name, spec in TASK.heads.items()
    }
    is_chosen = (OBJECTS.image_index >= images.start) & (OBJECTS.image_index < images.stop)
    objects = BatchAnnotations(
        boxes=OBJECTS.boxes[is_chosen],
        labels=OBJECTS.labels[is_chosen],
        image_index=OBJECTS.image_index[is_chosen] - images.start,
    )
    grid = Grid(batch=len(images), height=16, width=16)
    return torch.stack(list(TASK.loss(maps, TASK.encode(objects, grid)).values()))


def on_one_device(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(total(range(2 * rank, 2 * rank + 2)), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_the_mean_over_two_devices_is_the_loss_of_one(tmp_path: Path) -> None:
    mp.spawn(on_one_device, (str(tmp_path),), nprocs=2)
    apart = torch.stack([torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]).mean(dim=0)

    assert torch.allclose(apart, total(range(4)), rtol=1e-5)


def test_a_count_of_zero_is_one_in_a_division() -> None:
    assert shared_count(torch.tensor(0.0)).item() == 1
    assert shared_count(torch.tensor(5.0)).item() == 5


def test_the_order_of_objects_does_not_matter() -> None:
    tags = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    image, order = torch.tensor([0, 0, 2, 2, 2, 1, 0]), torch.tensor([3, 6, 0, 5, 1, 4, 2])
    plain = torch.stack(pull_and_push(tags[0], tags[1], image, 3))
    shuffled = torch.stack(pull_and_push(tags[0, order], tags[1, order], image[order], 3))

    assert torch.allclose(plain, shuffled)
