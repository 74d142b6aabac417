"""Pooling along rows and columns, for features of corners and centres.

Corner pooling: Law & Deng 2018, "CornerNet", sec. 3.2. Cascade corner pooling and centre pooling: Duan et al.
2019, "CenterNet: Keypoint Triplets for Object Detection", sec. 3.3.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

ROWS, COLUMNS = 2, 3
"""Dimension that a pool scans: one row after the other, one column after the other."""

LONGEST = 1024
"""Maximum number of rows or columns of maps in exported networks."""

POOL_CHANNELS = 128
"""Channels within the pooling layers; in the original 128 for any number of features."""

Pool = Callable[[Tensor], Tensor]


def top_pool(features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """The maximum of each cell and those below it, where the object of a top corner is."""
    return running_max(features, ROWS, backwards=True)


def bottom_pool(features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """The maximum of each cell and those above it."""
    return running_max(features, ROWS, backwards=False)


def left_pool(features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """The maximum of each cell and those right of it, where the object of a left corner is."""
    return running_max(features, COLUMNS, backwards=True)


def right_pool(features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """The maximum of each cell and those left of it."""
    return running_max(features, COLUMNS, backwards=False)


def running_max(features: Float[Tensor, "*n"], dim: int, *, backwards: bool) -> Float[Tensor, "*n"]:
    """The cumulative maximum along a dimension.

    Of equal values the first gets the gradient, as in the original; `cummax` gives it to the last.

    Args:
        features: Any numbers.
        dim: The dimension.
        backwards: From the last to the first.
    """
    if torch.is_grad_enabled() and features.requires_grad:
        return cast("Tensor", _RunningMax.apply(features, dim, backwards))
    return _scan(features, dim, backwards)


class _RunningMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, dim: int, backwards: bool) -> Tensor:
        largest = _scan(features, dim, backwards)
        ctx.save_for_backward(largest)
        ctx.way = dim, backwards
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (largest,), (gradient,) = ctx.saved_tensors, gradients
        dim, backwards = ctx.way
        route = _route_in_steps if _is_stepwise(largest) else _route_at_once
        return route(gradient, largest, dim, backwards), None, None


def _is_stepwise(features: Tensor) -> bool:
    """True where many small steps are fast: on CPUs, whose caches hold a row; not in a traced graph."""
    return features.device.type == "cpu" and not torch.compiler.is_compiling()


def _scan(features: Tensor, dim: int, backwards: bool) -> Tensor:
    if _is_stepwise(features):
        return _scan_in_steps(features, dim, backwards)
    return _scan_by_doubling(features, dim, backwards)


def _scan_in_steps(features: Tensor, dim: int, backwards: bool) -> Tensor:
    largest = torch.empty_like(features)
    lines, results = _lines(features, dim, backwards), _lines(largest, dim, backwards)
    results[0].copy_(lines[0])
    for before, line, result in zip(results[:-1], lines[1:], results[1:], strict=True):
        torch.maximum(before, line, out=result)
    return largest


def _scan_by_doubling(features: Tensor, dim: int, backwards: bool) -> Tensor:
    """Each pass doubles the window of every cell: Hillis & Steele 1986."""
    if torch.compiler.is_exporting():
        return _scan_any_length(features, dim, backwards)
    length, step = features.shape[dim], 1
    while step < length:
        here, there = features.narrow(dim, 0, length - step), features.narrow(dim, step, length - step)
        largest = torch.maximum(here, there)
        start = length - step if backwards else 0
        border = features.narrow(dim, start, step)
        features = torch.cat([largest, border] if backwards else [border, largest], dim)
        step *= 2
    return features


def _scan_any_length(features: Tensor, dim: int, backwards: bool) -> Tensor:
    """The same in a graph for maps of every size up to `LONGEST`: the number of passes is in the graph."""
    length, step = features.shape[dim], 1
    while step < LONGEST:
        room = [0, 0] * (features.ndim - 1 - dim) + ([0, step] if backwards else [step, 0])
        padded = F.pad(features, room, value=-torch.inf)
        features = torch.maximum(features, padded.narrow(dim, step if backwards else 0, length))
        step *= 2
    return features


def _route_in_steps(gradient: Tensor, largest: Tensor, dim: int, backwards: bool) -> Tensor:
    """Routes the gradient back to the first cell with the maximum."""
    routed = torch.empty_like(gradient)
    maxima, incoming, outgoing = (_lines(each, dim, not backwards) for each in (largest, gradient, routed))
    carried = incoming[0]
    for i in range(len(maxima) - 1):
        passed_on = carried * (maxima[i] == maxima[i + 1])
        torch.sub(carried, passed_on, out=outgoing[i])
        carried = passed_on + incoming[i + 1]
    outgoing[-1].copy_(carried)
    return routed


def _route_at_once(gradient: Tensor, largest: Tensor, dim: int, backwards: bool) -> Tensor:
    length = largest.shape[dim]
    place = torch.arange(length, device=largest.device)
    place = (length - 1 - place if backwards else place).view(-1, *[1] * (largest.ndim - 1 - dim))
    first_place = _scan_by_doubling(torch.where(_is_new(largest, dim, backwards), place, 0), dim, backwards)
    source = length - 1 - first_place if backwards else first_place
    return torch.zeros_like(gradient).scatter_add(dim, source, gradient)


def _is_new(largest: Tensor, dim: int, backwards: bool) -> Bool[Tensor, "*n"]:
    """True where a running maximum grows, and where it begins."""
    length = largest.shape[dim]
    grows = largest.narrow(dim, 0, length - 1) != largest.narrow(dim, 1, length - 1)
    begins = torch.ones_like(largest.narrow(dim, 0, 1), dtype=torch.bool)
    return torch.cat([grows, begins] if backwards else [begins, grows], dim)


def _lines(features: Tensor, dim: int, backwards: bool) -> tuple[Tensor, ...]:
    lines = features.unbind(dim)
    return lines[::-1] if backwards else lines


def max_along(features: Float[Tensor, "*n"], dim: int) -> Float[Tensor, "*m"]:
    """The maximum along a dimension, which then has length 1."""
    if (torch.is_grad_enabled() and features.requires_grad) or not _is_stepwise(features):
        return features.max(dim, keepdim=True).values
    # Halves against halves: the same in every memory format, where reductions may be twenty times slower.
    while (length := features.shape[dim]) > 1:
        half = (length + 1) // 2
        features = torch.maximum(features.narrow(dim, 0, half), features.narrow(dim, length - half, half))
    return features


class CornerPooling(nn.Module):
    """Cascade corner pooling: Duan et al. 2019, fig. 4 and 5.

    Features are pooled along the border of an object and, from each place there, into the object.

    Args:
        in_channels: Channels of the features and of the result.
        vertical: `top_pool` for corners at the top, `bottom_pool` for those at the bottom.
        horizontal: `left_pool` for corners at the left, `right_pool` for those at the right.
        channels: Channels within.
    """

    def __init__(
        self, in_channels: int, vertical: Pool, horizontal: Pool, channels: int = POOL_CHANNELS
    ) -> None:
        super().__init__()
        self.vertical = _conv(in_channels, channels, 3)
        self.horizontal = _conv(in_channels, channels, 3)
        self.vertical_cascade = _Cascade(in_channels, channels, inward=horizontal, along=vertical)
        self.horizontal_cascade = _Cascade(in_channels, channels, inward=vertical, along=horizontal)
        self.merge = _Merge(in_channels, channels)

    @classmethod
    def top_left(cls, in_channels: int, channels: int = POOL_CHANNELS) -> "CornerPooling":
        """For top-left corners."""
        return cls(in_channels, top_pool, left_pool, channels)

    @classmethod
    def bottom_right(cls, in_channels: int, channels: int = POOL_CHANNELS) -> "CornerPooling":
        """For bottom-right corners."""
        return cls(in_channels, bottom_pool, right_pool, channels)

    def forward(self, features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """Features for the corners of objects."""
        vertical = self.vertical_cascade(self.vertical(features), features)
        horizontal = self.horizontal_cascade(self.horizontal(features), features)
        return cast("Tensor", self.merge(vertical + horizontal, features))


class CenterPooling(nn.Module):
    """Centre pooling: the maxima of a cell's row and column, summed; Duan et al. 2019, fig. 4 and 5.

    Args:
        in_channels: Channels of the features and of the result.
        channels: Channels within.
    """

    def __init__(self, in_channels: int, channels: int = POOL_CHANNELS) -> None:
        super().__init__()
        self.vertical = _conv(in_channels, channels, 3)
        self.horizontal = _conv(in_channels, channels, 3)
        self.merge = _Merge(in_channels, channels)

    def forward(self, features: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """Features for the centres of objects."""
        columns = max_along(self.vertical(features), ROWS)
        rows = max_along(self.horizontal(features), COLUMNS)
        return cast("Tensor", self.merge(columns + rows, features))


class _Cascade(nn.Module):
    """One branch of cascade corner pooling: into the object first, and then along its border."""

    def __init__(self, in_channels: int, channels: int, *, inward: Pool, along: Pool) -> None:
        super().__init__()
        self.look = _conv(in_channels, channels, 3)
        self.mix = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self._inward = inward
        self._along = along

    def forward(self, here: Tensor, features: Tensor) -> Tensor:
        return self._along(self.mix(here + self._inward(self.look(features))))


class _Merge(nn.Module):
    """The pooled features, with a skip connection."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.pooled = _conv(channels, in_channels, 3, is_last=True)
        self.skip = _conv(in_channels, in_channels, 1, is_last=True)
        self.last = _conv(in_channels, in_channels, 3)

    def forward(self, pooled: Tensor, features: Tensor) -> Tensor:
        return cast("Tensor", self.last(F.relu(self.pooled(pooled) + self.skip(features), inplace=True)))


def _conv(in_channels: int, channels: int, size: int, *, is_last: bool = False) -> nn.Sequential:
    layers = [
        nn.Conv2d(in_channels, channels, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels),
    ]
    return nn.Sequential(*layers) if is_last else nn.Sequential(*layers, nn.ReLU(inplace=True))
