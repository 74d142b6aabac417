"""A backbone and heads make maps by name."""

import torch
from torch import Tensor, nn

from centernet.models.network import Network
from centernet.protocols import HeadSpec


class TwoStacks(nn.Module):
    """A backbone with two stacks, which notes the heads it starts."""

    channels, stride, divisor, stacks = 3, 1, 1, 2

    def __init__(self) -> None:
        super().__init__()
        self.started = 0

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images, 2 * images]

    def start_head(self, head: nn.Sequential) -> None:
        assert isinstance(head[2], nn.Conv2d)
        self.started += 1


def test_every_stack_gives_a_map_for_every_head() -> None:
    network = Network(TwoStacks(), {"a": HeadSpec(channels=2), "b": HeadSpec(channels=5)}, head_channels=4)
    stacks = network(torch.zeros(1, 3, 6, 7))

    assert len(stacks) == 2
    assert [{name: tuple(value.shape) for name, value in maps.items()} for maps in stacks] == [
        {"a": (1, 2, 6, 7), "b": (1, 5, 6, 7)}
    ] * 2


def test_the_backbone_starts_heads_that_have_no_bias_of_their_own() -> None:
    backbone = TwoStacks()
    Network(backbone, {"a": HeadSpec(channels=2), "b": HeadSpec(channels=5, bias=-1.0)})

    assert backbone.started == 2


def test_the_stride_is_the_backbones() -> None:
    assert Network(TwoStacks(), {}).stride == 1
