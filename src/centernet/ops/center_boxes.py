"""Boxes by the cell of their centre: Zhou et al. 2019, "Objects as Points", sec. 3 and 4."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import cell_corners, cells_of, read
from centernet.ops.gaussian import exact_radius, original_radius, ragged_index
from centernet.ops.peaks import Peaks
from centernet.protocols import Maps
from centernet.structures.batch import BatchAnnotations, Grid


@dataclass(frozen=True, kw_only=True)
class CenterBoxes:
    """Ground-truth boxes on a map, clipped to it, in cells.

    Attributes:
        index: Index of each box among the annotations; boxes outside the map are left out.
        labels: Class of each box.
        center: Centre `(x, y)` of the clipped box.
        size: `(width, height)` of the clipped box.
        cells: The cell `(image, y, x)` of each centre.
    """

    index: Int[Tensor, " m"]
    labels: Int[Tensor, " m"]
    center: Float[Tensor, "m 2"]
    size: Float[Tensor, "m 2"]
    cells: Int[Tensor, "m 3"]

    @classmethod
    def of(cls, objects: BatchAnnotations, grid: Grid) -> "CenterBoxes":
        """The boxes of annotated objects, clipped to the map before their centre is taken.

        An object cut off by the border of the input is therefore detected by the centre of its visible part.
        """
        edge = grid.edge or (grid.width - 1, grid.height - 1)
        limit = torch.tensor(edge * 2, device=objects.boxes.device)
        boxes = (objects.boxes / grid.stride).clamp(min=0).minimum(limit)
        size = boxes[:, 2:] - boxes[:, :2]
        kept = (size > 0).all(dim=1).nonzero().squeeze(1)
        center = (boxes[kept, :2] + boxes[kept, 2:]) / 2
        return cls(
            index=kept,
            labels=objects.labels[kept],
            center=center,
            size=size[kept],
            cells=cells_of(center, objects.image_index[kept]),
        )

    def radii(self, min_overlap: float, *, corrected: bool, rounded_up: bool = True) -> Int[Tensor, " m"]:
        """Radius of the Gaussian of each box, in cells.

        Args:
            min_overlap: IoU with the ground truth that a box keeps when its corners move by the radius.
            corrected: Solve the three cases exactly.
            rounded_up: Round the sides up to whole cells first. The radius is always rounded down. Both are
                as in the original: see test_golden_targets.
        """
        rule = exact_radius if corrected else original_radius
        return rule(self.size.ceil() if rounded_up else self.size, min_overlap).long()

    def spread(self, radius: int, grid: Grid) -> tuple[Int[Tensor, "p 3"], Int[Tensor, " p"]]:
        """The cells of the map within `radius` of each centre cell, and the index of the box of each."""
        around = (self.cells[:, None] + _steps(radius, self.cells.device)).flatten(0, 1)
        box_index = torch.arange(len(self.cells), device=around.device).repeat_interleave(
            (2 * radius + 1) ** 2
        )
        _, y, x = around.unbind(1)
        inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
        return around[inside], box_index[inside]

    def central_cells(
        self, fraction: float, radius: int, grid: Grid
    ) -> tuple[Int[Tensor, "p 3"], Int[Tensor, " p"], Float[Tensor, " p"]]:
        """The cells of the central region of each box, the index of the box of each, and its weight.

        Liu et al. 2020, "Training-Time-Friendly Network", sec. 3.3: the weights of a box sum to the logarithm
        of its area in pixels, and fall off from its centre as a Gaussian. A cell in several boxes belongs to
        the smallest. Unlike there, the cell of a centre always belongs to its own box, since the box is read
        there in inference.

        Args:
            fraction: Size of the central region relative to the box, 0 to 1.
            radius: Minimum number of cells on each side of the centre cell.
            grid: The map.
        """
        radii = (self.size / 2 * fraction).long().clamp(min=radius)
        columns, rows = (2 * radii + 1).unbind(1)
        box_index, place = ragged_index(rows * columns)
        across = place % columns[box_index] - radii[box_index, 0]
        down = torch.div(place, columns[box_index], rounding_mode="floor") - radii[box_index, 1]
        image, y, x = self.cells[box_index].unbind(1)
        y, x = y + down, x + across
        inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
        box_index, across, down = box_index[inside], across[inside], down[inside]
        cells = torch.stack([image, y, x], dim=1)[inside]
        falloff = 18 / (2 * radii + 1).square()  # 1 / (2 sigma²), sigma = (2 r + 1) / 6
        gaussian = (-across.square() * falloff[box_index, 0] - down.square() * falloff[box_index, 1]).exp()
        total = torch.zeros_like(self.size[:, 0]).index_add_(0, box_index, gaussian)
        area = self.size.prod(dim=1)
        weights = (area * grid.stride**2).log1p()[box_index] * gaussian / total[box_index]
        # Centres come first, then the smallest.
        order = torch.where((across == 0) & (down == 0), -1.0, area[box_index])
        position = (cells[:, 0] * grid.height + cells[:, 1]) * grid.width + cells[:, 2]
        first = order.new_full((grid.batch * grid.height * grid.width,), torch.inf)
        kept = order <= first.scatter_reduce_(0, position, order, "amin")[position]
        return cells[kept], box_index[kept], weights[kept]


@dataclass(frozen=True)
class Neighbourhood:
    """The cells around each peak, with the weights by which the values read there are averaged.

    Attributes:
        cells: `(image, y, x)`; cells outside the map are moved to its border and have weight 0.
        weights: In proportion to the probability of the heatmap; the weights of a peak sum to 1.
    """

    cells: Int[Tensor, "b k s 3"]
    weights: Float[Tensor, "b k s"]

    @classmethod
    def of(cls, peaks: Peaks, heatmap: Float[Tensor, "b c h w"], radius: int) -> "Neighbourhood":
        """The cells within `radius` of each peak; with radius 0, the peak's own cell."""
        if not radius:
            return cls(peaks.cells[:, :, None], torch.ones_like(peaks.values)[..., None])
        height, width = heatmap.shape[2:]
        image, y, x = (peaks.cells[:, :, None] + _steps(radius, peaks.cells.device)).unbind(-1)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
        weights = heatmap[image, peaks.labels[..., None], y, x].float().sigmoid() * inside
        # All weights may underflow to zero where there is no object at all.
        weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-12)
        return cls(torch.stack([image, y, x], dim=-1), weights)

    def mean(self, values: Float[Tensor, "b k s d"]) -> Float[Tensor, "b k d"]:
        """Weighted mean of the values at the cells around each peak."""
        return (values * self.weights[..., None]).sum(dim=2)


def _steps(radius: int, device: torch.device) -> Int[Tensor, "s 3"]:
    """Steps `(image, y, x)` from a cell to itself and to the cells within `radius` of it."""
    steps = torch.arange(-radius, radius + 1, device=device)
    return torch.cartesian_prod(torch.zeros_like(steps[:1]), steps, steps)


def read_boxes(maps: Maps, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` from the maps `offset` and `size` at cells, in cells."""
    return boxes_at(cells, read(maps["offset"], cells).float(), read(maps["size"], cells).float())


def boxes_at(
    cells: Int[Tensor, "*n 3"], offset: Float[Tensor, "*n 2"], size: Float[Tensor, "*n 2"]
) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` from offset and size at cells, in cells."""
    center = cell_corners(cells) + offset
    return torch.cat([center - size / 2, center + size / 2], dim=-1)


def mean_logit(first: Float[Tensor, "*n"], second: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The logit of the mean of the probabilities of two logits."""
    return ((first.sigmoid() + second.sigmoid()) / ((-first).sigmoid() + (-second).sigmoid())).log()
