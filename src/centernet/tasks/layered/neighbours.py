"""Neighbouring objects of one class: assigned to layers in training, and not detected twice."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from centernet.ops.gaussian import ragged_index

FEW = 1024
"""Boxes of an image up to which all pairs are compared at once."""

PAIRS_AT_ONCE = 1 << 18
"""Pairs of boxes that are compared at once: so many need about 30 MB."""


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


def best_of_levels(
    boxes: Float[Tensor, "b n 4"],
    scores: Float[Tensor, "b n"],
    labels: Int[Tensor, "b n"],
    levels: Int[Tensor, "b n"],
    *,
    min_iou: float,
    top_k: int,
) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"]]:
    """The highest scores, and which they are, where repeated boxes have score 0.

    A box is repeated if its IoU with a more confident one of its class on another level is above `min_iou`;
    repeated boxes repeat others too. Boxes are compared in order of their scores until enough are found.
    """
    count = scores.shape[1]
    top_k = min(top_k, count)
    # Metal has no double precision.
    if torch.compiler.is_exporting() or count <= FEW or boxes.device.type == "mps":
        repeated = is_repeated(boxes, scores, labels, levels, min_iou)
        best = scores.masked_fill(repeated, 0.0).topk(top_k, dim=1)
        return best.values, best.indices
    # Of two that are equally confident, the one on the finer level comes first.
    by_level = levels.sort(dim=1, stable=True).indices
    order = by_level.gather(1, scores.gather(1, by_level).sort(dim=1, descending=True, stable=True).indices)
    compared = top_k
    while True:
        compared = min(compared + max(top_k // 4, 64), count)
        first = order[:, :compared]
        corners = boxes.gather(1, first[..., None].expand(-1, -1, 4))
        repeated = is_repeated_in_order(corners, labels.gather(1, first), levels.gather(1, first), min_iou)
        if compared == count or int((~repeated).sum(dim=1).min()) >= top_k:
            break
        compared *= 2
    best = scores.gather(1, first).masked_fill(repeated, 0.0).topk(top_k, dim=1)
    return best.values, first.gather(1, best.indices)


def is_repeated_in_order(
    boxes: Float[Tensor, "b n 4"], labels: Int[Tensor, "b n"], levels: Int[Tensor, "b n"], min_iou: float
) -> Bool[Tensor, "b n"]:
    """As `is_repeated`, for boxes in order of their scores; only near boxes are compared.

    Of two boxes that overlap that much, the left side of one is left of the other's by at most `1 - min_iou`
    of its width. So boxes are sorted by their left side, and each is compared with the few next ones.
    """
    batch, count = labels.shape
    repeated = torch.zeros(batch * count, dtype=torch.bool, device=boxes.device)
    image = torch.arange(batch, device=boxes.device)[:, None]
    plane = (image * (int(labels.max()) + 1) + labels).flatten()
    edges = boxes.flatten(0, 1).double()
    # Planes lie beside each other, so far apart that no window reaches from one to the next.
    low, high = edges[:, ::2].amin(), edges[:, ::2].amax()
    pitch = 2 * (high - low) + 1
    left, order = (edges[:, 0] - low + plane * pitch).sort()
    width = (edges[:, 2] - edges[:, 0]).clamp(min=0).index_select(0, order)
    # A little more than needed: positions far from 0 are rounded.
    reach = left + width * (1 - min_iou) + 1e-6 * pitch
    partners = torch.searchsorted(left, reach, right=True) - torch.arange(
        1, len(left) + 1, device=left.device
    )
    ends = partners.cumsum(0)
    edges, level, rank = edges.index_select(0, order), levels.flatten()[order], order % count
    start = 0
    while start < len(left):
        before = ends[start - 1] if start else ends.new_zeros(())
        stop = max(int(torch.searchsorted(ends, before + PAIRS_AT_ONCE, right=True)), start + 1)
        which, step = ragged_index(partners[start:stop])
        first = which + start
        second = first + step + 1
        chosen = (level.index_select(0, first) != level.index_select(0, second)).nonzero().squeeze(1)
        first, second = first.index_select(0, chosen), second.index_select(0, chosen)
        is_same = _overlap_more(edges.index_select(0, first), edges.index_select(0, second), min_iou)
        first, second = first[is_same], second[is_same]
        later = torch.where(rank[first] > rank[second], first, second)
        repeated[order[later]] = True
        start = stop
    return repeated.view(batch, count)


def _overlap_more(
    first: Float[Tensor, "p 4"], second: Float[Tensor, "p 4"], min_iou: float
) -> Bool[Tensor, " p"]:
    """True for pairs of boxes whose IoU is above `min_iou`."""
    corner, far_corner = (
        torch.maximum(first[:, :2], second[:, :2]),
        torch.minimum(first[:, 2:], second[:, 2:]),
    )
    intersection = (far_corner - corner).clamp(min=0).prod(dim=1)
    areas = [(one[:, 2:] - one[:, :2]).clamp(min=0).prod(dim=1) for one in (first, second)]
    return intersection > min_iou * (areas[0] + areas[1] - intersection)


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
