"""The network: a backbone, and for each of its stacks a head for each map a task asks for."""

from collections.abc import Iterable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from centernet.models.heads import build_head
from centernet.protocols import Backbone, HeadSpec, Maps


class Network(nn.Module):
    """Turns images into named maps; holds the weights and does not know what the maps mean.

    Args:
        backbone: Gives features, one map for each stack.
        heads: Maps wanted, by name.
        head_channels: Channels between the two convolutions of a head.
    """

    def __init__(self, backbone: Backbone, heads: Mapping[str, HeadSpec], head_channels: int = 64) -> None:
        super().__init__()
        self.backbone = backbone
        self.stride = backbone.stride
        self.stems = nn.ModuleList(self._stems(heads) for _ in range(backbone.stacks))
        self.heads = nn.ModuleList(
            nn.ModuleDict({name: self._head(spec, head_channels) for name, spec in heads.items()})
            for _ in range(backbone.stacks)
        )
        self._stem_of = {name: spec.stem.name for name, spec in heads.items() if spec.stem}

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> list[Maps]:
        """Raw maps by name, one dict for each stack, the last one best.

        Args:
            images: Normalised; sides are multiples of the backbone's divisor.
        """
        stacks = zip(self.backbone(images), self.stems, self.heads, strict=True)
        return [self._maps(features, stems, heads) for features, stems, heads in stacks]

    def last_maps(self, images: Float[Tensor, "b 3 height width"]) -> Maps:
        """The maps of the last stack, without computing those of the others: what is asked of it in use."""
        return self._maps(self.backbone(images)[-1], self.stems[-1], self.heads[-1])

    def _maps(self, features: Tensor, stems: nn.Module, heads: nn.Module) -> Maps:
        behind = {name: stem(features) for name, stem in _named(stems)}
        return {
            name: head(behind[self._stem_of[name]] if name in self._stem_of else features)
            for name, head in _named(heads)
        }

    def _stems(self, heads: Mapping[str, HeadSpec]) -> nn.ModuleDict:
        stems = {spec.stem.name: spec.stem for spec in heads.values() if spec.stem}
        return nn.ModuleDict({name: stem.build(self.backbone.channels) for name, stem in stems.items()})

    def _head(self, spec: HeadSpec, head_channels: int) -> nn.Sequential:
        head = build_head(self.backbone.channels, head_channels, spec)
        if spec.bias == 0:
            self.backbone.start_head(head)
        return head


def _named(modules: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    assert isinstance(modules, nn.ModuleDict)
    return modules.items()
