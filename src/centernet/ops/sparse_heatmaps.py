"""Ideal heatmaps as lists of the cells that are not 0: nothing in them grows with the number of classes.

They are sparse tensors, coalesced, of the shape of the map; `to_dense` renders them.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sparse_heatmap(
    shape: Sequence[int], positions: Int[Tensor, " n"], values: Float[Tensor, " n"]
) -> Float[Tensor, "b c h w"]:
    """A sparse heatmap; where cells are listed several times, the largest value is kept.

    Args:
        shape: Of the map.
        positions: Of each cell in the flat map.
        values: Of each cell, above 0.
    """
    positions, order = positions.sort()
    is_new = torch.ones_like(positions, dtype=torch.bool)
    torch.ne(positions[1:], positions[:-1], out=is_new[1:])
    cells = positions[is_new]
    largest = values.new_zeros(len(cells))
    largest.scatter_reduce_(0, is_new.cumsum(0) - 1, values.index_select(0, order), "amax")
    return _of_cells(shape, cells, largest)


def positives(heatmap: Float[Tensor, "b c h w"]) -> Int[Tensor, " p"]:
    """Positions in the flat map of the cells that are exactly 1, in order; `heatmap` may be sparse."""
    if not heatmap.is_sparse:
        return (heatmap == 1).flatten().nonzero().squeeze(1)
    return flat_positions(heatmap)[heatmap.values() == 1]


def flat_positions(heatmap: Float[Tensor, "b c h w"], strides: Sequence[int] = ()) -> Int[Tensor, " n"]:
    """Positions in the flat map of the cells of a sparse heatmap.

    Args:
        heatmap: Sparse.
        strides: Of a map whose memory is meant; by default those of a contiguous one.
    """
    _, channels, height, width = heatmap.shape
    strides = strides or (channels * height * width, height * width, width, 1)
    image, channel, y, x = heatmap.indices()
    return image * strides[0] + channel * strides[1] + y * strides[2] + x * strides[3]


def in_a_row(heatmaps: Sequence[Float[Tensor, "b c _ _"]]) -> Float[Tensor, "b c 1 n"]:
    """Heatmaps, all sparse or none, with all their cells in one row."""
    if not heatmaps[0].is_sparse:
        return torch.cat([one.flatten(2) for one in heatmaps], dim=2)[:, :, None]
    batch, channels = heatmaps[0].shape[:2]
    length = sum(one.shape[2] * one.shape[3] for one in heatmaps)
    positions, before = [], 0
    for one in heatmaps:
        strides = (channels * length, length, one.shape[3], 1)
        positions.append(flat_positions(one, strides) + before)
        before += one.shape[2] * one.shape[3]
    values = torch.cat([one.values() for one in heatmaps])
    return sparse_heatmap((batch, channels, 1, length), torch.cat(positions), values)


def _of_cells(
    shape: Sequence[int], positions: Int[Tensor, " n"], values: Float[Tensor, " n"]
) -> Float[Tensor, "b c h w"]:
    _, channels, height, width = shape
    rows = torch.div(positions, width, rounding_mode="floor")
    planes = torch.div(rows, height, rounding_mode="floor")
    images = torch.div(planes, channels, rounding_mode="floor")
    indices = torch.stack(
        [images, planes - images * channels, rows - planes * height, positions - rows * width]
    )
    # Sorted and unique, so torch need not sort again.
    return torch.sparse_coo_tensor(indices, values, tuple(shape), is_coalesced=True, check_invariants=False)
