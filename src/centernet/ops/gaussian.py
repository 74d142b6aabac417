"""The ideal heatmap: Zhou et al. 2019, "Objects as Points", sec. 3; its radius: Law and Deng 2018."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.batch import Grid

RadiusRule = Callable[[Float[Tensor, "m 2"], float], Float[Tensor, " m"]]


def original_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """How far a box may shift and still overlap the truth, as both originals reckon it.

    The originals take the larger of two roots and never divide by `2a`, so their radii are not the exact
    ones; their weights were trained with them. `exact_radius` has the right ones.

    Args:
        sizes: `(width, height)`, cells.
        min_overlap: IoU that the shifted box keeps.
    """
    width, height = sizes.unbind(1)
    total, area = width + height, width * height
    roots = [(b + (b * b - 4 * a * c).sqrt()) / 2 for a, b, c in _quadratics(total, area, min_overlap)]
    return torch.stack(roots).amin(0)


def exact_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """The largest shift of the corners that keeps the IoU, in the worst of the three cases.

    Cases: both corners move the same way, both inwards, both outwards.

    Args:
        sizes: `(width, height)`, cells.
        min_overlap: IoU that the shifted box keeps.
    """
    width, height = sizes.unbind(1)
    (_, b1, c1), (a2, b2, c2), (a3, b3, c3) = _quadratics(width + height, width * height, min_overlap)
    shifted = (b1 - (b1 * b1 - 4 * c1).sqrt()) / 2
    inside = (b2 - (b2 * b2 - 4 * a2 * c2).sqrt()) / (2 * a2)
    outside = (b3 + (b3 * b3 - 4 * a3 * c3).sqrt()) / (2 * a3)
    return torch.stack([shifted, inside, outside]).amin(0)


def _quadratics(total: Tensor, area: Tensor, overlap: float) -> list[tuple[float, Tensor, Tensor]]:
    """`(a, b, c)` of `a r² − b r + c = 0` for boxes shifted, shrunk and grown by r on every side."""
    return [
        (1.0, total, area * (1 - overlap) / (1 + overlap)),
        (4.0, 2 * total, (1 - overlap) * area),
        (4 * overlap, -2 * overlap * total, (overlap - 1) * area),
    ]


def draw_gaussians(
    grid: Grid,
    num_channels: int,
    cells: Int[Tensor, "m 3"],
    channels: Int[Tensor, " m"],
    radii: Int[Tensor, " m"],
) -> Float[Tensor, "b c h w"]:
    """Heatmaps with a bump at each cell: 1 in its middle, sigma `(2 r + 1) / 6`, a square of side `2 r + 1`.

    Where bumps of one channel meet, the larger value stays. All bumps are drawn at once: their pixels are one
    long list, so the work grows with the area of the bumps and not with the number of objects.

    Args:
        grid: Shape of the maps.
        num_channels: Maps for each image.
        cells: Middle of each bump, `(image, y, x)`.
        channels: Map each bump is drawn on.
        radii: Cells from the middle to the edge of the square.
    """
    heatmap = torch.zeros(grid.batch, num_channels, grid.height, grid.width, device=cells.device)
    sides = 2 * radii + 1
    areas = sides * sides
    bump = torch.repeat_interleave(torch.arange(len(cells), device=cells.device), areas)
    first = (areas.cumsum(0) - areas)[bump]
    within = torch.arange(len(bump), device=cells.device) - first
    radius, side = radii[bump], sides[bump]
    down = within // side - radius
    across = within % side - radius
    image, y, x = cells[bump].unbind(1)
    y, x = y + down, x + across
    inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
    sigma = side / 6
    values = torch.exp(-(down * down + across * across) / (2 * sigma * sigma))
    position = ((image * num_channels + channels[bump]) * grid.height + y) * grid.width + x
    heatmap.view(-1).scatter_reduce_(0, position[inside], values[inside], "amax")
    return heatmap
