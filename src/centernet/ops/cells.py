"""Cells of a map: the cell of a point, and the values of a map at cells."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.protocols import PointMap


def cells_of(points: Float[Tensor, "m 2"], image_index: Int[Tensor, " m"]) -> Int[Tensor, "m 3"]:
    """The cell `(image, y, x)` that each map point `(x, y)` falls in; the fractional part is the offset."""
    x, y = points.floor().long().unbind(1)
    return torch.stack([image_index, y, x], dim=1)


def read(maps: Float[Tensor, "b d h w"] | PointMap, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n d"]:
    """Values of a map at cells `(image, y, x)`: cells of the ground truth in training, peaks in inference."""
    if not isinstance(maps, Tensor):
        return maps.at(cells)
    image, y, x = cells.unbind(-1)
    return maps[image, :, y, x]


def cell_corners(cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 2"]:
    """Map points `(x, y)` of cells at offset 0."""
    return cells[..., 1:].flip(-1).float()
