"""The interfaces of the library on one page: objects of your own that fit one of them can be passed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

from centernet.errors import UsageError
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.structures.outputs import BOX_OUTPUTS, OutputSpec

__all__ = [
    "BOX_OUTPUTS",
    "Backbone",
    "HeadSpec",
    "Maps",
    "OutputSpec",
    "Outputs",
    "PointMap",
    "Stem",
    "Targets",
    "Task",
    "with_fields",
]

Maps = dict[str, Tensor]
"""Raw maps of one stack by name, each `(b d h w)`: logits, offsets, sizes."""


@runtime_checkable
class PointMap(Protocol):
    """A map that is computed only at the cells that are read."""

    def at(self, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n d"]:
        """Values at cells `(image, y, x)`."""
        ...


Targets = dict[str, Tensor]
"""Ideal maps: `heatmap` `(b c h w)`, `cells` `(m 3)` as image, y, x, and values `(m d)` at these cells.

The names of other heatmaps end in `heatmap`, those of other cells in `cells`: see `Layered`. Heatmaps may be
sparse tensors if the grid is `sparse`.
"""

Outputs = dict[str, Tensor]
"""Detections of a batch by name, best first; unit, group and role of each are declared in `Task.outputs`."""


@dataclass(frozen=True, kw_only=True)
class Stem:
    """Layers between the features and some of the heads.

    Attributes:
        name: Name of its weights; heads whose stems have the same name share one.
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
        heatmap: Name of the heatmap that this map is, or is a layer of; empty for other maps. `encode` gives
            the ideal heatmap under the name of the map. Explanations draw all layers as one.
        stem: Layers between the features and the head; None for none.
        level: How often the rows and columns of the features are halved before the head.
        weights: Name of the weights of the head, if not that of the map; heads with the same name share them.
        at_cells: The task reads this map by `ops.cells.read` alone, so it may be given a `PointMap`.
        whole_in_loss: Except in `loss`, which needs the whole map.
    """

    channels: int
    bias: float = 0.0
    heatmap: str = ""
    stem: Stem | None = None
    level: int = 0
    weights: str = ""
    at_cells: bool = False
    whole_in_loss: bool = False


@runtime_checkable
class Backbone(Protocol):
    """Turns images into features: a map for each stack, the last one best.

    Attributes:
        channels: Channels of every feature map.
        stride: Input pixels from one cell to the next.
        divisor: Sides of the input must be multiples of this.
        stacks: Number of feature maps; each gets heads of its own, and training averages their losses.

    A backbone may name its encoder by `encoder_modules`, a tuple of the layers that turn images into features
    of several strides, as a classifier has them: what `freeze=encoder` keeps and `lr_encoder` is for.
    """

    channels: int
    stride: int
    divisor: int
    stacks: int

    def __call__(self, images: Float[Tensor, "b 3 height width"]) -> list[Tensor]:
        """Features `(b channels height/stride width/stride)`, one map for each stack."""
        ...

    def start_head(self, head: nn.Sequential) -> None:
        """Sets the initial weights of a regression head; backbones differ in what trains best."""
        ...


@runtime_checkable
class Task(Protocol):
    """The meaning of maps: a frozen dataclass without weights, with batched tensor code for any device."""

    @property
    def top_k(self) -> int:
        """Maximum number of detections per image."""
        ...

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name."""
        ...

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """What `decode` gives, by name, in the order of exported files; `BOX_OUTPUTS` at least."""
        ...

    @property
    def is_scale_dependent(self) -> bool:
        """True if outputs are valid only for objects at the image scale of the training.

        Depth without a focal length is: an enlarged object seems nearer.
        """
        ...

    def with_settings(self, **settings: Any) -> "Task":
        """The task with other settings, `top_k=300`: see `with_fields`.

        Raises:
            UsageError: The task has no such setting.
        """
        ...

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """The ideal maps of known objects.

        In training the grid is `sparse`: `draw_gaussians` gives sparse heatmaps, which the focal losses take.
        A loss of your own calls `to_dense` first.
        """
        ...

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """The weighted terms of the loss, whose sum is minimised.

        Args:
            maps: By name; those whose head is `at_cells` and not `whole_in_loss` may be `PointMap`s.
            targets: From `encode`.
        """
        ...

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """The detections in maps, in input pixels.

        Args:
            maps: By name; those whose head is `at_cells` may be `PointMap`s.
            stride: Input pixels from one cell to the next.
        """
        ...

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps of an input merged with those of the horizontally flipped input.

        Args:
            maps: Of the input.
            flipped: Of the flipped input, as the network gives them.

        Returns:
            Maps of the input, ready for `decode`.
        """
        ...


T = TypeVar("T")


def with_fields(task: T, settings: Mapping[str, Any]) -> T:
    """A copy of a dataclass with other values of some fields: `Task.with_settings` in one line.

    Raises:
        UsageError: It has no such field.
    """
    known = {field.name for field in fields(task)}  # type: ignore[arg-type]
    for name in settings:
        if name not in known:
            raise UsageError(f"{name} is not a setting of these weights: leave it out")
    return replace(task, **settings)  # type: ignore[type-var]
