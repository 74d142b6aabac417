"""A backbone of your own: implement `protocols.Backbone` and pass the object to `Network`.

    python examples/own_backbone.py

The training loop is written out, so this is also the whole method in thirty lines.
"""

import torch
from torch import Tensor, nn

from centernet.data.loading.collate import collate
from centernet.data.synthetic import generate
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.structures.batch import Grid
from centernet.tasks.detect import Detect


class TinyBackbone(nn.Module):
    """Four convolutions; one cell every 4 pixels."""

    channels, stride, divisor, stacks = 32, 4, 4, 1

    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 32, 1)]
        layers = [nn.Conv2d(i, o, 5, stride=stride, padding=2) for i, o, stride in widths]
        self.layers = nn.Sequential(*(layer for conv in layers for layer in (conv, nn.ReLU())))

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.layers(images)]

    def start_head(self, head: nn.Sequential) -> None:
        nn.init.normal_(head[-1].weight, std=0.001)


def main(*, steps: int = 200, batch_size: int = 8, side: int = 64) -> list[float]:
    torch.manual_seed(0)
    task, normalize = Detect(num_classes=3, top_k=10), Normalize()
    network = Network(TinyBackbone(), task.heads, head_channels=32)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    grid = Grid(batch=batch_size, height=side // 4, width=side // 4, stride=4)
    losses = []
    for step in range(steps):
        batch = collate(list(generate(batch_size, seed=step, size=side)))
        maps = network(normalize(batch.images))[-1]
        loss = sum(task.loss(maps, task.encode(batch.objects, grid)).values(), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.inference_mode():
        found = task.decode(network(normalize(batch.images))[-1], network.stride)
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f}; best box of the first image {found['boxes'][0, 0]}")
    return losses


if __name__ == "__main__":
    main()
