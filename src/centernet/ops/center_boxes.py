"""Boxes seen from the cell of their centre: Zhou et al. 2019, "Objects as Points", sec. 3 and 4."""

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
    """True boxes on a map, in cells.

    Attributes:
        index: Which of the objects each one is; those of which nothing is seen are left out.
        labels: Class of each.
        center: Middle `(x, y)` of what is seen of it.
        size: `(width, height)` of what is seen of it.
        cells: The cell `(image, y, x)` of each centre.
    """

    index: Int[Tensor, " m"]
    labels: Int[Tensor, " m"]
    center: Float[Tensor, "m 2"]
    size: Float[Tensor, "m 2"]
    cells: Int[Tensor, "m 3"]

    @classmethod
    def of(cls, objects: BatchAnnotations, grid: Grid) -> "CenterBoxes":
        """The boxes of objects, cut to the map before their centre is taken.

        So what is cut by the border of the input is found by the centre of what is seen of it.
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
        """Radius of the bump of each, in cells.

        Args:
            min_overlap: IoU that a box keeps when it moves so far.
            corrected: Solve the three cases exactly.
            rounded_up: Round sides up to whole cells first; the radius is rounded down in any case. Both as
                in the original: see test_golden_targets.
        """
        rule = exact_radius if corrected else original_radius
        return rule(self.size.ceil() if rounded_up else self.size, min_overlap).long()

    def spread(self, radius: int, grid: Grid) -> tuple[Int[Tensor, "p 3"], Int[Tensor, " p"]]:
        """The cells of the map up to `radius` from each centre's, and which of the boxes each is of."""
        around = (self.cells[:, None] + _moves(radius, self.cells.device)).flatten(0, 1)
        box_index = torch.arange(len(self.cells), device=around.device).repeat_interleave(
            (2 * radius + 1) ** 2
        )
        _, y, x = around.unbind(1)
        inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
        return around[inside], box_index[inside]

    def central_cells(
        self, share: float, radius: int, grid: Grid
    ) -> tuple[Int[Tensor, "p 3"], Int[Tensor, " p"], Float[Tensor, " p"]]:
        """The cells of the middle part of each box, which box each is of, and what it counts.

        Liu et al. 2020, "Training-Time-Friendly Network", sec. 3.3: each box counts as the logarithm of its
        area in pixels, shared out to its cells by a bump. A cell in several boxes is of the smallest; only
        here the cell of a centre is always of its box, since that is where it is read.

        Args:
            share: Part of both sides that is the middle, 0 to 1.
            radius: Least cells on each side of the centre's.
            grid: The map.
        """
        reaches = (self.size / 2 * share).long().clamp(min=radius)
        columns, rows = (2 * reaches + 1).unbind(1)
        box_index, place = ragged_index(rows * columns)
        across = place % columns[box_index] - reaches[box_index, 0]
        down = torch.div(place, columns[box_index], rounding_mode="floor") - reaches[box_index, 1]
        image, y, x = self.cells[box_index].unbind(1)
        y, x = y + down, x + across
        inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
        box_index, across, down = box_index[inside], across[inside], down[inside]
        cells = torch.stack([image, y, x], dim=1)[inside]
        falloff = 18 / (2 * reaches + 1).square()  # 1 / (2 sigma²), sigma = (2 r + 1) / 6
        gaussian = (-across.square() * falloff[box_index, 0] - down.square() * falloff[box_index, 1]).exp()
        whole = torch.zeros_like(self.size[:, 0]).index_add_(0, box_index, gaussian)
        area = self.size.prod(dim=1)
        weights = (area * grid.stride**2).log1p()[box_index] * gaussian / whole[box_index]
        # Centres come first, then the smallest.
        order = torch.where((across == 0) & (down == 0), -1.0, area[box_index])
        position = (cells[:, 0] * grid.height + cells[:, 1]) * grid.width + cells[:, 2]
        first = order.new_full((grid.batch * grid.height * grid.width,), torch.inf)
        kept = order <= first.scatter_reduce_(0, position, order, "amin")[position]
        return cells[kept], box_index[kept], weights[kept]


@dataclass(frozen=True)
class Neighbourhood:
    """The cells round peaks, each with a share in what is read there; the shares of a peak sum to 1.

    Attributes:
        cells: `(image, y, x)`; those beyond the map are its border and have no share.
        shares: By what the heatmap holds there.
    """

    cells: Int[Tensor, "b k s 3"]
    shares: Float[Tensor, "b k s"]

    @classmethod
    def of(cls, peaks: Peaks, heatmap: Float[Tensor, "b c h w"], radius: int) -> "Neighbourhood":
        """The cells up to `radius` from each peak; with 0, the peak's own."""
        if not radius:
            return cls(peaks.cells[:, :, None], torch.ones_like(peaks.values)[..., None])
        height, width = heatmap.shape[2:]
        image, y, x = (peaks.cells[:, :, None] + _moves(radius, peaks.cells.device)).unbind(-1)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
        shares = heatmap[image, peaks.labels[..., None], y, x].float().sigmoid() * inside
        # All shares may be zero to the last digit where there is no object at all.
        shares = shares / shares.sum(dim=2, keepdim=True).clamp(min=1e-12)
        return cls(torch.stack([image, y, x], dim=-1), shares)

    def mean(self, values: Float[Tensor, "b k s d"]) -> Float[Tensor, "b k d"]:
        """Mean of what the cells round each peak say."""
        return (values * self.shares[..., None]).sum(dim=2)


def _moves(radius: int, device: torch.device) -> Int[Tensor, "s 3"]:
    """Steps `(image, y, x)` from a cell to itself and to those round it."""
    steps = torch.arange(-radius, radius + 1, device=device)
    return torch.cartesian_prod(torch.zeros_like(steps[:1]), steps, steps)


def read_boxes(maps: Maps, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` that the maps `offset` and `size` show at cells, in cells."""
    return boxes_at(cells, read(maps["offset"], cells).float(), read(maps["size"], cells).float())


def boxes_at(
    cells: Int[Tensor, "*n 3"], offset: Float[Tensor, "*n 2"], size: Float[Tensor, "*n 2"]
) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` in cells."""
    center = cell_corners(cells) + offset
    return torch.cat([center - size / 2, center + size / 2], dim=-1)


def mean_logit(one: Float[Tensor, "*n"], other: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The logit of the mean of two probabilities: the ratio of what speaks for to what speaks against."""
    return ((one.sigmoid() + other.sigmoid()) / ((-one).sigmoid() + (-other).sigmoid())).log()
