"""The ideal heatmap: Zhou et al. 2019, "Objects as Points", sec. 3; its radius: Law and Deng 2018."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.structures.batch import Grid

RadiusRule = Callable[[Float[Tensor, "m 2"], float], Float[Tensor, " m"]]


def original_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """How far a box may shift and still overlap the truth, as both originals reckon it.

    The originals take the larger of two roots and never divide by `2a`, so their radii are not the exact
    ones; their weights were trained with them. `exact_radius` has the right ones.

    Args:
        sizes: `(width, height)`, cells.
        min_overlap: IoU that the shifted box keeps.
    """
    # Of the originals' three roots that of the grown box is always the smallest: it is at most a quarter of
    # width + height, and the others are at least half of it. It is `4 min_overlap` times the exact one.
    width, height = sizes.unbind(1)
    total = width + height
    grown = (total * total + 4 * (1 - min_overlap) / min_overlap * width * height).sqrt() - total
    return min_overlap * grown


def exact_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """The largest shift of the corners that keeps the IoU, in the worst of the three cases.

    Cases: both corners move the same way, both inwards, both outwards. Each is the root of a quadratic.

    Args:
        sizes: `(width, height)`, cells.
        min_overlap: IoU that the shifted box keeps.
    """
    width, height = sizes.unbind(1)
    total, area = width + height, width * height
    squared = total * total
    shifted = (total - (squared - 4 * area * (1 - min_overlap) / (1 + min_overlap)).sqrt()) / 2
    inside = (total - (squared - 4 * area * (1 - min_overlap)).sqrt()) / 4
    outside = ((squared + 4 * area * (1 - min_overlap) / min_overlap).sqrt() - total) / 4
    return torch.stack([shifted, inside, outside]).amin(0)


def draw_gaussians(
    grid: Grid,
    num_channels: int,
    cells: Int[Tensor, "m 3"],
    channels: Int[Tensor, " m"],
    radii: Int[Tensor, " m"],
    sharpness: float = 6.0,
) -> Float[Tensor, "b c h w"]:
    """Heatmaps with a bump at each cell: 1 in its middle, sigma `(2 r + 1) / 6`, a square of side `2 r + 1`.

    Where bumps of one channel meet, the larger value stays. All bumps are drawn at once, as one long list of
    their rows and from that one of their cells, so the work grows with the area of the bumps.

    Args:
        grid: Shape of the maps.
        num_channels: Maps for each image.
        cells: Middle of each bump, `(image, y, x)`; must lie on the map.
        channels: Map each bump is drawn on.
        radii: Cells from the middle to the edge of the square.
        sharpness: How many sigmas the square is wide, where not 6.
    """
    heatmap = torch.zeros(grid.batch, num_channels, grid.height, grid.width, device=cells.device)
    image, y, x = cells.unbind(1)
    top, left = torch.minimum(radii, y), torch.minimum(radii, x)
    rows = top + torch.minimum(radii + 1, grid.height - y)
    columns = left + torch.minimum(radii + 1, grid.width - x)
    corner = ((image * num_channels + channels) * grid.height + y - top) * grid.width + x - left
    falloff = -(sharpness**2) / 2 / (2 * radii + 1).square()  # −1 / (2 sigma²)

    # `index_select` is several times faster than `[]` on lists as long as these.
    gaussian, row = ragged_index(rows)
    row_corner = corner.index_select(0, gaussian) + row * grid.width
    row_falloff = falloff.index_select(0, gaussian)
    down = row - top.index_select(0, gaussian)
    row_exponent = down.square() * row_falloff
    row_left = left.index_select(0, gaussian)

    line, column = ragged_index(columns.index_select(0, gaussian))
    across = column - row_left.index_select(0, line)
    exponent = across.square() * row_falloff.index_select(0, line) + row_exponent.index_select(0, line)
    position = row_corner.index_select(0, line) + column
    heatmap.view(-1).scatter_reduce_(0, position, exponent.exp_(), "amax")
    return heatmap


def ragged_index(lengths: Int[Tensor, " n"]) -> tuple[Int[Tensor, " total"], Int[Tensor, " total"]]:
    """For lists laid end to end: which list each element is from, and its place there."""
    which = torch.repeat_interleave(lengths)
    first = lengths.cumsum(0) - lengths
    return which, torch.arange(len(which), device=lengths.device) - first.index_select(0, which)
