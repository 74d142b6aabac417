"""Which box coder the settings of a task mean."""

from typing import Protocol, runtime_checkable

from centernet.ops.box_coders import BoxCoder, CenterSizeCoder, LTRBCoder
from centernet.ops.distribution_coder import DistributionCoder


@runtime_checkable
class BoxSettings(Protocol):
    """What a task says about the form of its boxes; a frozen dataclass with these fields fits."""

    @property
    def size_weight(self) -> float:
        """Weight of the L1 loss of the size."""
        ...

    @property
    def offset_weight(self) -> float:
        """Weight of the L1 loss of the offset."""
        ...

    @property
    def sides_weight(self) -> float:
        """Weight of the L1 loss of the distances to the four sides; 0: size and offset instead."""
        ...

    @property
    def box_bins(self) -> int:
        """Number of distances of a distribution; 0: the distances themselves."""
        ...

    @property
    def box_scale(self) -> float:
        """Typical distance, cells."""
        ...


def box_coder_of(task: BoxSettings) -> BoxCoder:
    """The box coder that the settings of a task mean.

    Raises:
        ValueError: `box_bins` does not fit `box_scale` and `sides_weight`.
    """
    if task.box_bins:
        return DistributionCoder(sides_weight=task.sides_weight, scale=task.box_scale, bins=task.box_bins)
    if task.sides_weight:
        return LTRBCoder(sides_weight=task.sides_weight)
    return CenterSizeCoder(size_weight=task.size_weight, offset_weight=task.offset_weight)
