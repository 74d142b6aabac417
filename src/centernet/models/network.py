"""The network: a backbone, and on each of its stacks one head for every map of a task."""

from collections.abc import Callable, Collection, Mapping
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.heads import HeadAtCells, build_head, has_batch_norm
from centernet.models.necks import Levels
from centernet.protocols import Backbone, HeadSpec, Maps


class Network(nn.Module):
    """Turns images into named maps; holds the weights and does not know what the maps mean.

    Args:
        backbone: Backbone, which gives one feature map for each stack.
        heads: Maps to predict, by name.
        head_channels: Channels between the two convolutions of a head.
        regression_channels: The same for heads that are read only at cells; 0 means `head_channels`.
        separable_heads: Make the first of the two convolutions separable: see `conv3x3`.
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, HeadSpec],
        head_channels: int = 64,
        *,
        regression_channels: int = 0,
        separable_heads: bool = False,
    ) -> None:
        super().__init__()

        def build(spec: HeadSpec) -> nn.Sequential:
            hidden = (spec.at_cells and regression_channels) or head_channels
            return build_head(backbone.channels, hidden, spec, separable=separable_heads)

        self.backbone = backbone
        self.stride = backbone.stride
        count = 1 + max((spec.level for spec in heads.values()), default=0)
        stacks = range(backbone.stacks)
        self.levels = nn.ModuleList(Levels(backbone.channels, count) for _ in stacks)
        self.stems = nn.ModuleList(self._stems(heads) for _ in stacks)
        self.heads = nn.ModuleList(self._heads(heads, build) for _ in stacks)
        self._specs = dict(heads)

    def forward(self, images: Float[Tensor, "b 3 height width"], *, at_cells: bool = False) -> list[Maps]:
        """Raw maps by name, one dict for each stack, the most refined last.

        Args:
            images: Normalised images, whose sides are multiples of the backbone's divisor.
            at_cells: Give `PointMap`s, which compute only the cells read, for heads whose loss accepts them.
        """
        stacks = zip(self.backbone(images), self.levels, self.stems, self.heads, strict=True)
        lazy = {
            name
            for name, spec in self._specs.items()
            if at_cells and spec.at_cells and not spec.whole_in_loss
        }
        return [self._maps(*stack, lazy) for stack in stacks]

    def last_maps(self, images: Float[Tensor, "b 3 height width"], *, at_cells: bool = False) -> Maps:
        """The maps of the last stack, for inference; heads of the other stacks are not computed.

        Args:
            images: As in `forward`.
            at_cells: Give `PointMap`s for all heads that are `at_cells`.
        """
        last = (self.backbone(images)[-1], self.levels[-1], self.stems[-1], self.heads[-1])
        return self._maps(*last, {name for name, spec in self._specs.items() if at_cells and spec.at_cells})

    def _maps(
        self,
        features: Tensor,
        levels: nn.Module,
        stems: nn.Module,
        heads: nn.Module,
        lazy: Collection[str],
    ) -> Maps:
        """Maps by name; those in `lazy` are computed only at the cells read."""
        assert isinstance(stems, nn.ModuleDict)
        assert isinstance(heads, nn.ModuleDict)
        inputs: dict[tuple[int, str], Tensor] = {(i, ""): level for i, level in enumerate(levels(features))}
        maps: Maps = {}
        for name, spec in self._specs.items():
            key = (spec.level, spec.stem.name if spec.stem else "")
            if key not in inputs:
                inputs[key] = stems[key[1]](inputs[spec.level, ""])
            head = heads[spec.weights or name]
            assert isinstance(head, nn.Sequential)
            if name in lazy and not (self.training and has_batch_norm(head)):
                # Not a tensor, but the task only reads this map at cells.
                maps[name] = cast("Tensor", HeadAtCells(head, inputs[key]))
            else:
                maps[name] = head(inputs[key])
        return maps

    def _stems(self, heads: Mapping[str, HeadSpec]) -> nn.ModuleDict:
        stems = {spec.stem.name: spec.stem for spec in heads.values() if spec.stem}
        return nn.ModuleDict({name: stem.build(self.backbone.channels) for name, stem in stems.items()})

    def _heads(
        self, heads: Mapping[str, HeadSpec], build: Callable[[HeadSpec], nn.Sequential]
    ) -> nn.ModuleDict:
        specs: dict[str, HeadSpec] = {}
        for name, spec in heads.items():
            specs.setdefault(spec.weights or name, spec)
        return nn.ModuleDict({name: self._head(spec, build) for name, spec in specs.items()})

    def _head(self, spec: HeadSpec, build: Callable[[HeadSpec], nn.Sequential]) -> nn.Sequential:
        head = build(spec)
        if spec.bias == 0:
            self.backbone.start_head(head)
        return head
