"""Every socket of the library on one page: fit one of these from outside and pass your object in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

from centernet.structures.batch import BatchAnnotations, Grid

__all__ = ["Backbone", "HeadSpec", "Maps", "Outputs", "PointMap", "Stem", "Targets", "Task"]

Maps = dict[str, Tensor]
"""Raw maps of one stack by name, each `(b d h w)`: logits, offsets, sizes."""


@runtime_checkable
class PointMap(Protocol):
    """A map that is computed only where it is looked at."""

    def at(self, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n d"]:
        """What it holds at cells `(image, y, x)`."""
        ...


Targets = dict[str, Tensor]
"""What maps should be: `heatmap` `(b c h w)`, `cells` `(m 3)` as image, y, x, and `(m d)` read there.

Other maps have names that end in `heatmap`, other places names that end in `cells`: see `Layered`.
"""

Outputs = dict[str, Tensor]
"""What the maps show: `boxes` `(b k 4)` in input pixels, `scores` and `labels` `(b k)`, best first.

Tasks that pair corners add pairs and centres, see `Triplet.decode`.

Tasks with keypoints add `keypoints` `(b k j 3)`: x and y in input pixels, and score. Tasks with boxes in
space add `centers` `(b k 2)`, where the middle of each is seen, in input pixels, `depth` `(b k)` and `size3d`
`(b k 3)`, metres, and `alpha_rad` `(b k)`; and `focal_px` `(b k)` where depths are told for a focal length.
"""


@dataclass(frozen=True, kw_only=True)
class Stem:
    """Layers between the features and some of the heads.

    Attributes:
        name: What its weights are called; heads whose stems have one name share one.
        build: The layers for features of so many channels, which they keep.
    """

    name: str
    build: Callable[[int], nn.Module]


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """A map that a task asks the network for.

    Attributes:
        channels: Channels of the map.
        bias: Start value of the last bias. −2.19 makes a sigmoid start at 0.1 (Lin et al. 2017, sec. 4.1).
        stem: What the features pass before the head; None for nothing.
        level: How often the rows and columns of the features are halved before.
        weights: What the weights of the head are called, where not as the map; heads with one name share one.
        at_cells: The task looks at this map by `ops.cells.read` alone, so it may be given a `PointMap`.
        whole_in_loss: Except in `loss`, which needs the map itself.
    """

    channels: int
    bias: float = 0.0
    stem: Stem | None = None
    level: int = 0
    weights: str = ""
    at_cells: bool = False
    whole_in_loss: bool = False


@runtime_checkable
class Backbone(Protocol):
    """Turns images into features: one map for each stack, the last one best.

    Attributes:
        channels: Channels of every feature map.
        stride: Input pixels from one cell to the next.
        divisor: Sides of the input must be multiples of this.
        stacks: Feature maps it gives; each gets heads of its own, and training averages their losses.
    """

    channels: int
    stride: int
    divisor: int
    stacks: int

    def __call__(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """Features `(b channels height/stride width/stride)`, one map for each stack."""
        ...

    def start_head(self, head: nn.Sequential) -> None:
        """Sets the first weights of a head that regresses; backbones differ in what trains best."""
        ...


@runtime_checkable
class Task(Protocol):
    """What maps mean. Holds no weights; all methods are batched tensor code on any device.

    A frozen dataclass: what is asked of `predict` replaces its settings.
    """

    @property
    def top_k(self) -> int:
        """Detections for each image."""
        ...

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps the network must give, by name."""
        ...

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """The ideal maps for known objects."""
        ...

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """How far maps are from ideal: weighted terms whose sum is minimised.

        Args:
            maps: By name; those whose head is `at_cells` and not `whole_in_loss` may be `PointMap`s.
            targets: From `encode`.
        """
        ...

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """The objects that maps show, in input pixels.

        Args:
            maps: By name; those whose head is `at_cells` may be `PointMap`s.
            stride: Input pixels from one cell to the next.
        """
        ...

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps of an input made surer by those of its mirror image.

        Args:
            maps: Of the input.
            flipped: Of the input mirrored left to right, as the network gives them.

        Returns:
            Maps of the input, ready for `decode`.
        """
        ...
