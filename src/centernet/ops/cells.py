"""Which cells of a map objects live in, and what a map says there."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.protocols import PointMap


def cells_of(points: Float[Tensor, "m 2"], image_index: Int[Tensor, " m"]) -> Int[Tensor, "m 3"]:
    """The cell `(image, y, x)` each map point `(x, y)` falls in; the rest of the point is the offset."""
    x, y = points.floor().long().unbind(1)
    return torch.stack([image_index, y, x], dim=1)


def read(maps: Float[Tensor, "b d h w"] | PointMap, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n d"]:
    """What maps hold at cells `(image, y, x)`: at the true cells in training, at the peaks in inference."""
    if not isinstance(maps, Tensor):
        return maps.at(cells)
    image, y, x = cells.unbind(-1)
    return maps[image, :, y, x]


def cell_corners(cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 2"]:
    """Map points `(x, y)` that offset 0 means."""
    return cells[..., 1:].flip(-1).float()
