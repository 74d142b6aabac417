"""Raw maps, for weights of tasks that the library cannot decode."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import Tensor

from centernet.errors import UsageError
from centernet.protocols import HeadSpec, Maps, Outputs, OutputSpec, Targets, with_fields
from centernet.structures.batch import BatchAnnotations, Grid


@dataclass(frozen=True, kw_only=True)
class RawMaps:
    """Maps without their meaning: the network can be called, and its backbone trained on.

    Attributes:
        purpose: The task that the maps are for: `pose`, `mono3d`.
        maps: Channels of each map by name.
        top_k: Maximum number of detections per image, for a decoder from outside.
    """

    purpose: str
    maps: Mapping[str, int] = field(hash=False)
    top_k: int = 100

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name."""
        return {name: HeadSpec(channels=count) for name, count in self.maps.items()}

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """None: nothing is decoded."""
        return {}

    @property
    def is_scale_dependent(self) -> bool:
        """False: nothing is decoded."""
        return False

    def with_settings(self, **settings: Any) -> "RawMaps":
        """The task with other values of its fields.

        Raises:
            UsageError: The task has no such field.
        """
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """Not available.

        Raises:
            UsageError: Always; names what can be done with the weights.
        """
        del objects, grid
        self._refuse()

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Not available, as `encode`."""
        del maps, targets
        self._refuse()

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Not available, as `encode`."""
        del maps, stride
        self._refuse()

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Not available, as `encode`."""
        del maps, flipped
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise UsageError(f"these weights give raw maps for {self.purpose}: call model.network(images)")
