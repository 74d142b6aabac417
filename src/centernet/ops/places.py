"""The place of a keypoint among the cells of its object: a distribution over these cells."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.gaussian import ragged_index
from centernet.structures.batch import Grid

SIGMA = 1.0
"""Standard deviation of the place of a keypoint, in cells: how exactly it is annotated."""


def windows_of(
    center: Float[Tensor, "n 2"], size: Float[Tensor, "n 2"], cells: Int[Tensor, "n 3"], grid: Grid
) -> Int[Tensor, "n 4"]:
    """The cells of boxes, each window widened to hold a cell.

    Args:
        center: Centres of the boxes, in cells.
        size: Their width and height, in cells.
        cells: The cell `(image, y, x)` that each window must hold.
        grid: The map.

    Returns:
        First column, first row, and the column and the row after the last.
    """
    point = cells[:, [2, 1]]
    first = torch.minimum((center - size / 2).floor().long(), point).clamp(min=0)
    end = torch.maximum((center + size / 2).ceil().long(), point + 1)
    return torch.cat([first, end.minimum(end.new_tensor([grid.width, grid.height]))], dim=1)


def place_loss(
    logits: Float[Tensor, "b k h w"],
    planes: Int[Tensor, " n"],
    points: Float[Tensor, "n 2"],
    windows: Int[Tensor, "n 4"],
) -> Float[Tensor, ""]:
    """Mean divergence of the softmax over a window from a Gaussian round the keypoint; 0 without keypoints.

    Args:
        logits: Heatmaps of keypoints.
        planes: The map of each keypoint, image · keypoints + keypoint.
        points: The keypoints, in cells.
        windows: The cells among which each is looked for, as `windows_of` gives them.
    """
    height, width = logits.shape[2:]
    if not len(points):
        return logits.sum() * 0
    columns, rows = (windows[:, 2:] - windows[:, :2]).unbind(1)
    which, position = ragged_index(rows * columns)
    down = torch.div(position, columns[which], rounding_mode="floor")
    x = windows[which, 0] + position - down * columns[which]
    y = windows[which, 1] + down
    values = logits.reshape(-1).index_select(0, (planes[which] * height + y) * width + x).float()
    distance = (x + 0.5 - points[which, 0]).square() + (y + 0.5 - points[which, 1]).square()
    predicted = _log_softmax(values, which, len(points))
    wanted = _log_softmax(distance / (-2 * SIGMA**2), which, len(points))
    return (wanted.exp() * (wanted - predicted)).sum() / len(points)


def _log_softmax(
    values: Float[Tensor, " total"], which: Int[Tensor, " total"], count: int
) -> Float[Tensor, " total"]:
    """The logarithm of the softmax over the values of each list."""
    highest = values.new_full((count,), -torch.inf).scatter_reduce(0, which, values.detach(), "amax")
    shifted = values - highest[which]
    return shifted - torch.zeros_like(highest).index_add(0, which, shifted.exp()).log()[which]
