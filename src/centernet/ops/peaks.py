"""Peaks of heatmaps: Zhou et al. 2019, "Objects as Points", sec. 4 ("from points to bounding boxes")."""

from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from centernet.ops.cells import read

BLOCK = 4
"""Side of the blocks that maps are searched by; see `_blocks_that_matter`."""

KERNELS = (1, 3, 5, 7, 9)
"""Sides of the square in which a peak is the largest: as far as to the next block on each side."""


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


def find_peaks(
    heatmap: Float[Tensor, "b c h w"], top_k: int = 100, least: float = -torch.inf, kernel: int = 3
) -> Peaks:
    """The `top_k` largest cells of each image that no cell of their 3×3 neighbourhood exceeds.

    Order is all that counts, so logits give the same peaks as probabilities. On a plateau every cell is a
    peak. Images with fewer peaks are filled up with value −inf; maps with fewer cells give fewer peaks.

    Only blocks that can hold one of these peaks are looked into: see `_blocks_that_matter`.

    Args:
        heatmap: Any numbers that grow with how sure the network is.
        top_k: Peaks of each image.
        least: Peaks below are of no use: they may be there or not. Where few cells reach it, this is faster.
        kernel: Side of the neighbourhood where it is not 3×3, one of `KERNELS`.
    """
    if torch.compiler.is_exporting():
        return _find_in_graph(heatmap, top_k, kernel)
    around = kernel // 2
    num_classes, height, width = heatmap.shape[1:]
    label, top, left = _blocks_that_matter(heatmap, top_k, least)
    image = torch.arange(len(heatmap), device=heatmap.device)[:, None]
    radius = torch.arange(-around, BLOCK + around, device=heatmap.device)
    y, x = top[..., None, None] + radius[:, None], left[..., None, None] + radius
    # Cells beyond the border are the border's own, which changes no maximum.
    patches = heatmap[
        image[..., None, None], label[..., None, None], y.clamp(0, height - 1), x.clamp(0, width - 1)
    ]
    inside = (y < height) & (x < width)
    peaks = patches.masked_fill(~(inside & is_peak(patches, kernel)), -torch.inf)
    peaks = peaks[..., around : around + BLOCK, around : around + BLOCK]
    values, order = peaks.flatten(1).topk(min(top_k, num_classes * height * width), dim=1)
    block, place = order // BLOCK**2, order % BLOCK**2
    # Where an image has too few peaks, what fills up may lie beyond the border.
    y = (top.gather(1, block) + place // BLOCK).clamp(max=height - 1)
    x = (left.gather(1, block) + place % BLOCK).clamp(max=width - 1)
    cells = torch.stack([image.expand_as(y), y, x], dim=-1)
    return Peaks(values, label.gather(1, block), cells)


def _find_in_graph(heatmap: Float[Tensor, "b c h w"], top_k: int, kernel: int) -> Peaks:
    """The same peaks by steps whose number does not depend on the numbers, which a graph can hold.

    Each of the best `top_k` peaks lies in one of the `top_k` blocks whose best peaks are best, and each of
    these in one of the `top_k` blocks of blocks. Of so few the positions stay below 2²⁴, up to which exported
    graphs divide exactly. Runtimes pool faster than they compare moved maps. Maps with fewer cells are filled
    up with value −inf.
    """
    # PyTorch pools ten times faster so; other runtimes lay maps out as they like.
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
    # What fills up may lie beyond the border.
    y, x = y.clamp(0, heatmap.shape[2] - 1), x.clamp(0, heatmap.shape[3] - 1)
    return Peaks(values, label, torch.stack([image.expand_as(y), y, x], dim=-1))


def _in_blocks(maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c rows columns"]:
    """Largest value of each block of 4×4, of which the first has but one cell in the corner of the map.

    The others of it are a margin: there are runtimes that take no map that is smaller than what is pooled.
    """
    return F.max_pool2d(F.max_pool2d(maps, 2, padding=1), 2, padding=1)


def _best_within(
    maps: Float[Tensor, "b c h w"],
    image: Int[Tensor, "b 1"],
    label: Int[Tensor, "b k"],
    y: Int[Tensor, "b k"],
    x: Int[Tensor, "b k"],
) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"], Int[Tensor, "b k"], Int[Tensor, "b k"]]:
    """The best `k` of the cells in `k` blocks of each image: value, class, row and column.

    Args:
        maps: What is best.
        image: Number of each image.
        label: Class of each block.
        y: Row of each block among those of `_in_blocks`. What lies beyond the border is −inf, at such places.
        x: Column of each block.
    """
    height, width = maps.shape[2:]
    step = torch.arange(BLOCK**2, device=maps.device)
    y = (BLOCK * y - (BLOCK - 1))[..., None] + _divided(step, BLOCK)
    x = (BLOCK * x - (BLOCK - 1))[..., None] + step % BLOCK
    rows, columns = y.clamp(0, height - 1), x.clamp(0, width - 1)
    inside = maps[image[..., None], label[..., None], rows, columns]
    inside = inside.masked_fill((y != rows) | (x != columns), -torch.inf)
    values, place = inside.flatten(1).topk(label.shape[1], dim=1)
    return (
        values,
        label.gather(1, _divided(place, BLOCK**2)),
        y.flatten(1).gather(1, place),
        x.flatten(1).gather(1, place),
    )


def _divided(places: Int[Tensor, "*n"], count: int) -> Int[Tensor, "*n"]:
    return torch.div(places, count, rounding_mode="floor")


def find_peaks_of_any_class(heatmap: Float[Tensor, "b c h w"], top_k: int = 100) -> Peaks:
    """The peaks of the largest value over the classes, each with the class that has it.

    No cell is a peak of two classes, and no class has a peak beside a higher one of another.
    """
    peaks = find_peaks(heatmap.amax(1, keepdim=True), top_k)
    return Peaks(peaks.values, read(heatmap, peaks.cells).argmax(-1), peaks.cells)


def _blocks_that_matter(
    heatmap: Float[Tensor, "b c h w"], top_k: int, least: float
) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n"], Int[Tensor, "b n"]]:
    """Class, top row and left column of all blocks that can hold one of the best `top_k` peaks.

    A block's largest value is a peak where no neighbouring block has a larger one. The `top_k`-th best of
    these peaks is a value that every wanted peak reaches, and so does the largest value of its block. There
    are always enough blocks to fill up with.
    """
    maxima = _block_maxima(heatmap)
    rows, columns = maxima.shape[2:]
    sure = maxima.masked_fill(~is_peak(maxima), -torch.inf).flatten(1)
    needed = F.pad(sure, (0, top_k), value=-torch.inf).topk(top_k, dim=1).values[:, -1:].clamp(min=least)
    maxima = maxima.flatten(1)
    enough = min(maxima.shape[1], -(-top_k // BLOCK**2))
    blocks = maxima.topk(max(enough, int((maxima >= needed).sum(dim=1).max())), dim=1).indices
    return blocks // (rows * columns), blocks // columns % rows * BLOCK, blocks % columns * BLOCK


def is_peak(heatmap: Float[Tensor, "*n h w"], kernel: int = 3) -> Bool[Tensor, "*n h w"]:
    """Where no neighbour is larger. Rows first, then columns: far faster than pooling."""
    around = kernel // 2
    largest = F.pad(heatmap, (around, around, around, around), value=-torch.inf)
    # A window of the padded map for each step that a neighbour is away.
    windows = [slice(start, start - kernel + 1 or None) for start in range(kernel)]
    largest = reduce(torch.maximum, [largest[..., window, :] for window in windows])
    return reduce(torch.maximum, [largest[..., window] for window in windows]) == heatmap


def _block_maxima(heatmap: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c rows columns"]:
    """Largest value of each block: halving rows, then columns, keeps the work in long vectors."""
    height, width = heatmap.shape[2:]
    if height % BLOCK or width % BLOCK:
        heatmap = F.pad(heatmap, (0, -width % BLOCK, 0, -height % BLOCK), value=-torch.inf)
    for _ in range(2):
        heatmap = torch.maximum(heatmap[:, :, ::2], heatmap[:, :, 1::2])
    for _ in range(2):
        heatmap = torch.maximum(heatmap[..., ::2], heatmap[..., 1::2])
    return heatmap
