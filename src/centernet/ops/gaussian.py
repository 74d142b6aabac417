"""Gaussians of target heatmaps: Zhou et al. 2019, "Objects as Points", sec. 3; radii: Law and Deng 2018."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.sparse_heatmaps import sparse_heatmap
from centernet.structures.batch import Grid


def original_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """The largest shift of a box that keeps its IoU with the ground truth, as both originals compute it.

    The originals take the larger of two roots and never divide by `2a`, so their radii are not exact, but
    their weights were trained with them. `exact_radius` gives the exact ones.

    Args:
        sizes: `(width, height)`, cells.
        min_overlap: IoU that the shifted box keeps.
    """
    # The smallest of the originals' three roots is always that of the enlarged box: it is at most a quarter
    # of width + height, the others at least half of it. It is `4 min_overlap` times the exact root.
    width, height = sizes.unbind(1)
    total = width + height
    enlarged = (total * total + 4 * (1 - min_overlap) / min_overlap * width * height).sqrt() - total
    return min_overlap * enlarged


def exact_radius(sizes: Float[Tensor, "m 2"], min_overlap: float = 0.7) -> Float[Tensor, " m"]:
    """The largest shift of the corners that keeps the IoU, in the worst of three cases.

    The corners move in the same direction, both inwards, or both outwards; each gives a quadratic equation.

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
    limits: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, "b c h w"]:
    """Heatmaps with a Gaussian at each cell: peak 1, sigma `(2 r + 1) / 6`, in a square of side `2 r + 1`.

    Where Gaussians of one channel overlap, the larger value is kept. All are drawn at once, from one flat
    list of their rows and then of their cells, so the work is proportional to the area of the squares.

    Args:
        grid: Shape of the maps.
        num_channels: Channels of the heatmaps.
        cells: Centre of each Gaussian, `(image, y, x)`; must lie on the map.
        channels: Channel of each Gaussian.
        radii: Cells from the centre to the edge of the square.
        sharpness: Width of the square, in sigmas.
        limits: Values of each Gaussian above its limit are cut off there; None for no limits.

    Returns:
        Heatmaps, sparse if the grid wants them so.
    """
    shape = (grid.batch, num_channels, grid.height, grid.width)
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
    values = exponent.exp_()
    if limits is not None:
        values = values.minimum(limits.index_select(0, gaussian).index_select(0, line))
    if grid.sparse:
        return sparse_heatmap(shape, position, values)
    heatmap = torch.zeros(shape, device=cells.device)
    heatmap.view(-1).scatter_reduce_(0, position, values, "amax")
    return heatmap


def ragged_index(lengths: Int[Tensor, " n"]) -> tuple[Int[Tensor, " total"], Int[Tensor, " total"]]:
    """For concatenated lists of these lengths: the list of each element, and its position in that list."""
    which = torch.repeat_interleave(lengths)
    first = lengths.cumsum(0) - lengths
    return which, torch.arange(len(which), device=lengths.device) - first.index_select(0, which)
