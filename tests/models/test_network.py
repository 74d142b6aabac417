"""The network: a backbone and heads, which give maps by name."""

import torch
from torch import Tensor, nn

from centernet.models.network import Network
from centernet.ops.cells import read
from centernet.protocols import HeadSpec, Stem


class TwoStacks(nn.Module):
    """A backbone with two stacks that counts the heads it initialises."""

    channels, stride, divisor, stacks = 3, 1, 1, 2

    def __init__(self) -> None:
        super().__init__()
        self.started = 0

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images, 2 * images]

    @property
    def encoder_modules(self) -> tuple[nn.Module, ...]:
        return ()

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


def test_the_backbone_initialises_heads_without_a_bias_in_their_spec() -> None:
    backbone = TwoStacks()
    Network(backbone, {"a": HeadSpec(channels=2), "b": HeadSpec(channels=5, bias=-1.0)})

    assert backbone.started == 2


def test_heads_read_at_cells_can_have_other_hidden_channels() -> None:
    heads = {"heatmap": HeadSpec(channels=2), "size": HeadSpec(channels=2, at_cells=True)}
    network = Network(TwoStacks(), heads, head_channels=4, regression_channels=9)

    assert network.get_parameter("heads.1.heatmap.0.weight").shape == (4, 3, 3, 3)
    assert network.get_parameter("heads.1.size.0.weight").shape == (9, 3, 3, 3)


def test_the_stride_is_the_backbones() -> None:
    assert Network(TwoStacks(), {}).stride == 1


def test_heads_that_name_a_stem_share_it_and_other_heads_have_none() -> None:
    def build(channels: int) -> nn.Module:
        return nn.Conv2d(channels, channels, 1)

    heads = {
        "corner": HeadSpec(channels=1, stem=Stem(name="corner", build=build)),
        "tag": HeadSpec(channels=2, stem=Stem(name="corner", build=build)),
        "size": HeadSpec(channels=2),
    }
    network = Network(TwoStacks(), heads, head_channels=4)
    stem = network.get_parameter("stems.1.corner.weight")
    maps = network(torch.randn(1, 3, 4, 5))
    maps[1]["size"].sum().backward()
    alone = stem.grad
    (maps[1]["corner"].sum() + maps[1]["tag"].sum()).backward()

    assert {key.split(".")[2] for key in network.state_dict() if key.startswith("stems")} == {"corner"}
    assert alone is None
    assert stem.grad is not None
    assert network.get_parameter("stems.0.corner.weight").grad is None


def test_the_last_maps_are_those_of_the_last_stack() -> None:
    network = Network(TwoStacks(), {"heatmap": HeadSpec(channels=2)}, head_channels=4)
    images = torch.randn(1, 3, 4, 5)

    assert (network.last_maps(images)["heatmap"] == network(images)[-1]["heatmap"]).all()


def test_maps_that_are_read_at_cells_are_computed_only_there() -> None:
    heads = {"heatmap": HeadSpec(channels=2), "size": HeadSpec(channels=2, at_cells=True)}
    network = Network(TwoStacks(), heads, head_channels=4)
    images = torch.randn(1, 3, 4, 5)
    dense, lazy = network.last_maps(images), network.last_maps(images, at_cells=True)
    cells = torch.tensor([[0, 0, 0], [0, 1, 2], [0, 3, 4]])

    assert torch.equal(lazy["heatmap"], dense["heatmap"])
    assert not isinstance(lazy["size"], torch.Tensor)
    torch.testing.assert_close(read(lazy["size"], cells), read(dense["size"], cells))
