"""Neighbouring objects of one class: assigned to layers in training, and not detected twice."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def ranks_among_neighbours(
    cells: Int[Tensor, "m 3"],
    labels: Int[Tensor, " m"],
    centers: Float[Tensor, "m 2"],
    sizes: Float[Tensor, "m 2"],
    *,
    both_sides: bool = False,
) -> Int[Tensor, " m"]:
    """Rank of each object among those of its class in its own cell and the eight round it, from 0.

    The order is visible in the image: larger height + width / 2 first, so a tall box before a wide one of the
    same area; of equal ones the lower, then the one further right. Work grows as `m log m`.

    Args:
        cells: The cell `(image, y, x)` of each centre.
        labels: Class of each.
        centers: `(x, y)`, in any unit.
        sizes: `(width, height)`, in the same unit.
        both_sides: Count the objects after it, too: the number of neighbours.
    """
    count = len(cells)
    if not count:
        return labels
    order = _positions(centers, sizes)
    image, y, x = cells.unbind(1)
    # Room for the neighbours on all sides of the map.
    height, width = int(y.max()) + 3, int(x.max()) + 3
    plane = image * (int(labels.max()) + 1) + labels
    key = (plane * height + y + 1) * width + x + 1
    taken = (key * count + order).sort().values
    steps = torch.arange(-1, 2, device=cells.device)
    around = (key[:, None] + (steps[:, None] * width + steps).flatten()) * count
    first = torch.searchsorted(taken, around)
    last = torch.searchsorted(taken, around + (count if both_sides else order[:, None]))
    return (last - first).sum(dim=1) - int(both_sides)


def _positions(centers: Float[Tensor, "m 2"], sizes: Float[Tensor, "m 2"]) -> Int[Tensor, " m"]:
    """Position of each object in the order of `ranks_among_neighbours`, from 0."""
    order = torch.arange(len(centers), device=centers.device)
    for value in (centers[:, 0], centers[:, 1], sizes[:, 1] + sizes[:, 0] / 2):
        order = order[value[order].sort(descending=True, stable=True).indices]
    places = torch.empty_like(order)
    places[order] = torch.arange(len(centers), device=centers.device)
    return places


def is_repeated(
    boxes: Float[Tensor, "b n 4"],
    scores: Float[Tensor, "b n"],
    labels: Int[Tensor, "b n"],
    levels: Int[Tensor, "b n"],
    min_iou: float,
) -> Bool[Tensor, "b n"]:
    """True for boxes whose IoU with a more confident one of their class on another level is above `min_iou`.

    One step of plain tensor code, for exported graphs: repeated boxes suppress others too.
    """
    corner = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    far_corner = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    intersection = (far_corner - corner).clamp(min=0).prod(dim=-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)
    overlaps = intersection > min_iou * (area[:, :, None] + area[:, None] - intersection)
    is_other = (labels[:, :, None] == labels[:, None]) & (levels[:, :, None] != levels[:, None])
    # Of two that are equally confident, the one on the finer level stays.
    is_better = (scores[:, None] > scores[:, :, None]) | (
        (scores[:, None] == scores[:, :, None]) & (levels[:, None] < levels[:, :, None])
    )
    return (overlaps & is_other & is_better).any(dim=2)
