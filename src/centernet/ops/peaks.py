"""Peaks of heatmaps: Zhou et al. 2019, "Objects as Points", sec. 4 ("from points to bounding boxes")."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

BLOCK = 4
"""Side of the blocks that are searched whole; see `_find_in_blocks`."""


@dataclass(frozen=True)
class Peaks:
    """The strongest local maxima of each image, best first.

    Attributes:
        values: What the heatmap holds there.
        labels: Channel each peak is on.
        cells: `(image, y, x)`.
    """

    values: Float[Tensor, "b k"]
    labels: Int[Tensor, "b k"]
    cells: Int[Tensor, "b k 3"]


def find_peaks(heatmap: Float[Tensor, "b c h w"], top_k: int = 100) -> Peaks:
    """The `top_k` largest cells of each image that no cell of their 3×3 neighbourhood exceeds.

    Order is all that counts, so logits give the same peaks as probabilities. On a plateau every cell is a
    peak. Images with fewer peaks are filled up with value −inf; maps with fewer cells give fewer peaks.
    """
    return _find_in_blocks(heatmap, top_k) or _find_everywhere(heatmap, top_k)


def is_peak(heatmap: Float[Tensor, "b c h w"]) -> Bool[Tensor, "b c h w"]:
    """Where no neighbour is larger."""
    return F.max_pool2d(heatmap, 3, stride=1, padding=1) == heatmap


def _find_everywhere(heatmap: Float[Tensor, "b c h w"], top_k: int) -> Peaks:
    """Tests every cell. Top-K for each class, then of those, so that no index exceeds `h w`."""
    height, width = heatmap.shape[2:]
    candidates = heatmap.masked_fill(~is_peak(heatmap), -torch.inf).flatten(2)
    values, positions = candidates.topk(min(top_k, height * width), dim=2)
    best, order = values.flatten(1).topk(min(top_k, values[0].numel()), dim=1)
    labels = torch.div(order, values.shape[2], rounding_mode="floor")
    position = positions.flatten(1).gather(1, order)
    return _peaks(best, labels, torch.div(position, width, rounding_mode="floor"), position % width)


def _find_in_blocks(heatmap: Float[Tensor, "b c h w"], top_k: int) -> Peaks | None:
    """Tests only the blocks with the largest maxima; None when that might miss a peak.

    A block's largest value bounds every peak in it. So once `top_k` peaks are found that are at least as
    large as the largest value of every block not looked into, no other peak can be among the best.
    """
    batch, num_classes, height, width = heatmap.shape
    num_blocks = num_classes * (height // BLOCK) * (width // BLOCK)
    looked_into = 2 * top_k
    if height % BLOCK or width % BLOCK or num_blocks <= 2 * looked_into or heatmap.requires_grad:
        return None
    maxima = _block_maxima(heatmap).flatten(1)
    bounds, blocks = maxima.topk(looked_into + 1, dim=1)
    unseen, blocks = bounds[:, -1], blocks[:, :-1]
    columns = width // BLOCK
    label = blocks // (columns * (height // BLOCK))
    top = blocks // columns % (height // BLOCK) * BLOCK
    left = blocks % columns * BLOCK

    reach = torch.arange(-1, BLOCK + 1, device=heatmap.device)
    rows, cols = top[..., None] + reach, left[..., None] + reach
    # Cells beyond the border are the border's own, which changes no maximum.
    image = torch.arange(batch, device=heatmap.device)[:, None, None, None]
    patches = heatmap[
        image,
        label[..., None, None],
        rows.clamp(0, height - 1)[..., :, None],
        cols.clamp(0, width - 1)[..., None, :],
    ]
    middle = patches[..., 1:-1, 1:-1]
    is_max = F.max_pool2d(patches, 3, stride=1) == middle
    candidates = middle.masked_fill(~is_max, -torch.inf).flatten(1)
    values, order = candidates.topk(top_k, dim=1)
    if not bool((values[:, -1] >= unseen).all()):
        return None
    block, within = order // BLOCK**2, order % BLOCK**2
    return _peaks(
        values,
        label.gather(1, block),
        top.gather(1, block) + within // BLOCK,
        left.gather(1, block) + within % BLOCK,
    )


def _block_maxima(heatmap: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c rows columns"]:
    """Largest value of each block: halving rows, then columns, keeps the work in long vectors."""
    for _ in range(2):
        heatmap = torch.maximum(heatmap[:, :, ::2], heatmap[:, :, 1::2])
    for _ in range(2):
        heatmap = torch.maximum(heatmap[..., ::2], heatmap[..., 1::2])
    return heatmap


def _peaks(values: Tensor, labels: Tensor, y: Tensor, x: Tensor) -> Peaks:
    image = torch.arange(len(values), device=values.device)[:, None].expand_as(y)
    return Peaks(values, labels, torch.stack([image, y, x], dim=-1))
