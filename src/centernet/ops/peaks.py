"""Peaks of heatmaps: Zhou et al. 2019, "Objects as Points", sec. 4 ("from points to bounding boxes")."""

from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from centernet.ops.cells import read

BLOCK = 4
"""Side of the blocks that a map is divided into for the search; see `_candidate_blocks`."""

KERNELS = (1, 3, 5, 7, 9)
"""Sides of the neighbourhood of a peak: at most up to the next block on each side."""


@dataclass(frozen=True)
class Peaks:
    """The largest local maxima of each image, in order of value.

    Attributes:
        values: Value of the heatmap at each peak.
        labels: Channel of each peak.
        cells: `(image, y, x)`.
    """

    values: Float[Tensor, "b k"]
    labels: Int[Tensor, "b k"]
    cells: Int[Tensor, "b k 3"]


def find_peaks(
    heatmap: Float[Tensor, "b c h w"], top_k: int = 100, min_value: float = -torch.inf, kernel: int = 3
) -> Peaks:
    """The `top_k` largest local maxima of each image: cells that no cell of their neighbourhood exceeds.

    Only the order of values matters, so logits give the same peaks as probabilities. On a plateau every cell
    is a peak. Images with fewer peaks are padded with value −inf; maps with fewer cells give fewer peaks.

    Only blocks that can contain one of these peaks are searched: see `_candidate_blocks`.

    Args:
        heatmap: Scores or logits.
        top_k: Number of peaks for each image.
        min_value: Peaks below this value may be missing. The search is faster where few cells reach it.
        kernel: Side of the neighbourhood, one of `KERNELS`.
    """
    if torch.compiler.is_exporting():
        return _find_in_graph(heatmap, top_k, kernel)
    radius = kernel // 2
    num_classes, height, width = heatmap.shape[1:]
    label, top, left = _candidate_blocks(heatmap, top_k, min_value)
    image = torch.arange(len(heatmap), device=heatmap.device)[:, None]
    steps = torch.arange(-radius, BLOCK + radius, device=heatmap.device)
    y, x = top[..., None, None] + steps[:, None], left[..., None, None] + steps
    # Cells beyond the border repeat the border, which changes no maximum.
    patches = heatmap[
        image[..., None, None], label[..., None, None], y.clamp(0, height - 1), x.clamp(0, width - 1)
    ]
    inside = (y < height) & (x < width)
    peaks = patches.masked_fill(~(inside & is_peak(patches, kernel)), -torch.inf)
    peaks = peaks[..., radius : radius + BLOCK, radius : radius + BLOCK]
    values, order = peaks.flatten(1).topk(min(top_k, num_classes * height * width), dim=1)
    block, place = order // BLOCK**2, order % BLOCK**2
    # Padding of images with too few peaks may lie beyond the border.
    y = (top.gather(1, block) + place // BLOCK).clamp(max=height - 1)
    x = (left.gather(1, block) + place % BLOCK).clamp(max=width - 1)
    cells = torch.stack([image.expand_as(y), y, x], dim=-1)
    return Peaks(values, label.gather(1, block), cells)


def _find_in_graph(heatmap: Float[Tensor, "b c h w"], top_k: int, kernel: int) -> Peaks:
    """The same peaks with shapes that do not depend on the values, as an exported graph needs.

    Each of the `top_k` peaks lies in one of the `top_k` blocks with the largest peaks, and each of these
    blocks in one of the `top_k` blocks of blocks. With so few, positions stay below 2²⁴, up to which exported
    graphs divide exactly. Runtimes pool faster than they compare shifted maps. Maps with fewer cells are
    padded with value −inf.
    """
    # PyTorch pools ten times faster in channels-last; other runtimes choose their own layout.
    heatmap = heatmap.contiguous(memory_format=torch.channels_last)
    largest = F.max_pool2d(heatmap, kernel, stride=1, padding=kernel // 2)
    peaks = torch.where(largest > heatmap, -torch.inf, heatmap)
    blocks = _in_blocks(peaks)
    coarse = _in_blocks(blocks)
    batch, num_classes, rows, columns = coarse.shape
    image = torch.arange(batch, device=heatmap.device)[:, None]
    place = F.pad(coarse.flatten(1), (0, top_k), value=-torch.inf).topk(top_k, dim=1).indices
    label = torch.div(place, rows * columns, rounding_mode="floor").clamp(max=num_classes - 1)
    place = place - label * (rows * columns)
    y = torch.div(place, columns, rounding_mode="floor")
    _, label, y, x = _best_within(blocks, image, label, y, place - y * columns)
    values, label, y, x = _best_within(peaks, image, label, y, x)
    # Padding may lie beyond the border.
    y, x = y.clamp(0, heatmap.shape[2] - 1), x.clamp(0, heatmap.shape[3] - 1)
    return Peaks(values, label, torch.stack([image.expand_as(y), y, x], dim=-1))


def _in_blocks(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c rows columns"]:
    """Largest value of each 4×4 block; of the first block only one cell lies on the map, its corner.

    The rest is padding: some runtimes do not accept maps smaller than the pooling window.
    """
    return F.max_pool2d(F.max_pool2d(maps, 2, padding=1), 2, padding=1)


def _best_within(
    maps: Float[Tensor, "b c h w"],
    image: Int[Tensor, "b 1"],
    label: Int[Tensor, "b k"],
    y: Int[Tensor, "b k"],
    x: Int[Tensor, "b k"],
) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"], Int[Tensor, "b k"], Int[Tensor, "b k"]]:
    """The `k` largest of the cells in `k` blocks of each image: value, class, row and column.

    Args:
        maps: Values of the cells.
        image: Index of each image.
        label: Class of each block.
        y: Row of each block among those of `_in_blocks`. Cells beyond the border have value −inf.
        x: Column of each block.
    """
    height, width = maps.shape[2:]
    step = torch.arange(BLOCK**2, device=maps.device)
    y = (BLOCK * y - (BLOCK - 1))[..., None] + _floor_divide(step, BLOCK)
    x = (BLOCK * x - (BLOCK - 1))[..., None] + step % BLOCK
    rows, columns = y.clamp(0, height - 1), x.clamp(0, width - 1)
    inside = maps[image[..., None], label[..., None], rows, columns]
    inside = inside.masked_fill((y != rows) | (x != columns), -torch.inf)
    values, place = inside.flatten(1).topk(label.shape[1], dim=1)
    return (
        values,
        label.gather(1, _floor_divide(place, BLOCK**2)),
        y.flatten(1).gather(1, place),
        x.flatten(1).gather(1, place),
    )


def _floor_divide(positions: Int[Tensor, "*n"], count: int) -> Int[Tensor, "*n"]:
    return torch.div(positions, count, rounding_mode="floor")


def find_peaks_of_any_class(heatmap: Float[Tensor, "b c h w"], top_k: int = 100) -> Peaks:
    """The peaks of the maximum over all classes, each with the class of that maximum.

    No cell is a peak of two classes, and no peak is adjacent to a larger one of another class.
    """
    peaks = find_peaks(heatmap.amax(1, keepdim=True), top_k)
    return Peaks(peaks.values, read(heatmap, peaks.cells).argmax(-1), peaks.cells)


def _candidate_blocks(
    heatmap: Float[Tensor, "b c h w"], top_k: int, min_value: float
) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n"], Int[Tensor, "b n"]]:
    """Class, top row and left column of all blocks that can contain one of the `top_k` largest peaks.

    The largest value of a block is a peak if no neighbouring block has a larger one. The `top_k`-th largest
    of these peaks is a lower bound of every wanted peak, and of the largest value of its block. There are
    always enough blocks for the padding.
    """
    maxima = _block_maxima(heatmap)
    rows, columns = maxima.shape[2:]
    certain = maxima.masked_fill(~is_peak(maxima), -torch.inf).flatten(1)
    bound = F.pad(certain, (0, top_k), value=-torch.inf).topk(top_k, dim=1).values[:, -1:]
    bound = bound.clamp(min=min_value)
    maxima = maxima.flatten(1)
    enough = min(maxima.shape[1], -(-top_k // BLOCK**2))
    blocks = maxima.topk(max(enough, int((maxima >= bound).sum(dim=1).max())), dim=1).indices
    return blocks // (rows * columns), blocks // columns % rows * BLOCK, blocks % columns * BLOCK


def is_peak(heatmap: Float[Tensor, "*n h w"], kernel: int = 3) -> Bool[Tensor, "*n h w"]:
    """True for cells that no neighbour exceeds. Rows first, then columns: far faster than pooling."""
    radius = kernel // 2
    largest = F.pad(heatmap, (radius, radius, radius, radius), value=-torch.inf)
    # One window of the padded map for each shift of the neighbourhood.
    windows = [slice(start, start - kernel + 1 or None) for start in range(kernel)]
    largest = reduce(torch.maximum, [largest[..., window, :] for window in windows])
    return reduce(torch.maximum, [largest[..., window] for window in windows]) == heatmap


def _block_maxima(heatmap: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c rows columns"]:
    """Largest value of each block: halving rows first, then columns, works on long vectors."""
    height, width = heatmap.shape[2:]
    if height % BLOCK or width % BLOCK:
        heatmap = F.pad(heatmap, (0, -width % BLOCK, 0, -height % BLOCK), value=-torch.inf)
    for _ in range(2):
        heatmap = torch.maximum(heatmap[:, :, ::2], heatmap[:, :, 1::2])
    for _ in range(2):
        heatmap = torch.maximum(heatmap[..., ::2], heatmap[..., 1::2])
    return heatmap
