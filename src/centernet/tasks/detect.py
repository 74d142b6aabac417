"""Boxes as centre points: Zhou et al. 2019, "Objects as Points", sec. 3 and 4."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.batch import Grid, Objects
from centernet.ops.cells import cell_corners, cells_of, read
from centernet.ops.gaussian import draw_gaussians, exact_radius, original_radius
from centernet.ops.losses import focal_loss, giou_loss, l1_at_cells
from centernet.ops.peaks import Peaks, find_peaks, find_peaks_of_any_class
from centernet.protocols import HeadSpec, Maps, Outputs, Targets


@dataclass(frozen=True, kw_only=True)
class Detect:
    """Finds boxes: a heatmap for each class, and at its peaks the box's size and the centre's offset.

    Attributes:
        num_classes: Classes.
        top_k: Detections for each image, all classes together.
        class_agnostic: Give each place to its best class alone.
        min_overlap: IoU that boxes keep when their centre moves within the bump.
        corrected_radius: Solve the three cases exactly; the default solves them as both originals do.
        heatmap_weight: Share of the focal loss.
        size_weight: Share of the L1 loss of the size, in cells.
        offset_weight: Share of the L1 loss of the offset, in cells.
        giou_weight: Share of the generalised-IoU loss of the whole box; 0 in the paper.
        spread: Cells round the centre's in which size and offset are learned too, so that a peak that is off
            by a cell still gives the right box; 0 in the paper. After Liu et al. 2020, "TTFNet", sec. 3.3.
            A box is then the mean of what these cells say, each by its share in the heatmap.
    """

    num_classes: int
    top_k: int = 100
    class_agnostic: bool = False
    min_overlap: float = 0.7
    corrected_radius: bool = False
    heatmap_weight: float = 1.0
    size_weight: float = 0.1
    offset_weight: float = 1.0
    giou_weight: float = 0.0
    spread: int = 0

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"a detector needs at least one class; got num_classes={self.num_classes}")
        if not 0 < self.min_overlap < 1:
            raise ValueError(f"min_overlap is an IoU between 0 and 1; got {self.min_overlap}")

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps the network must give, by name."""
        return {
            "heatmap": HeadSpec(channels=self.num_classes, bias=-2.19),
            "offset": HeadSpec(channels=2),
            "size": HeadSpec(channels=2),
        }

    def encode(self, objects: Objects, grid: Grid) -> Targets:
        """Ideal maps for known boxes.

        Boxes are cut to the map before their centre is taken, so what is cut by the border of the input is
        found by the centre of what is seen of it. Boxes of which nothing is left are dropped.

        Returns:
            `heatmap` `(b c h w)`; for each of the `m` boxes kept, its cell in `cells` `(m 3)` and what the
            maps should hold there: `size` and `offset` `(m 2)`, in cells.
        """
        limit = torch.tensor([grid.width, grid.height] * 2, device=objects.boxes.device) - 1
        boxes = (objects.boxes / grid.stride).clamp(min=0).minimum(limit)
        size = boxes[:, 2:] - boxes[:, :2]
        kept = (size > 0).all(dim=1).nonzero().squeeze(1)
        boxes, size, labels = boxes[kept], size[kept], objects.labels[kept]
        center = (boxes[:, :2] + boxes[:, 2:]) / 2
        cells = cells_of(center, objects.image_index[kept])
        return {
            "heatmap": draw_gaussians(grid, self.num_classes, cells, labels, self._radii(size)),
            **self._regression(cells, size, center, grid),
        }

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Weighted terms whose sum is minimised."""
        cells = targets["cells"]
        terms = {
            "heatmap": self.heatmap_weight * focal_loss(maps["heatmap"], targets["heatmap"]),
            "size": self.size_weight * l1_at_cells(maps["size"], cells, targets["size"]),
            "offset": self.offset_weight * l1_at_cells(maps["offset"], cells, targets["offset"]),
        }
        if self.giou_weight:
            boxes = _read_boxes(maps, cells)
            truth = _boxes(cells, targets["offset"], targets["size"])
            terms["giou"] = self.giou_weight * giou_loss(boxes, truth)
        return terms

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """What maps show: `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`, best first."""
        find = find_peaks_of_any_class if self.class_agnostic else find_peaks
        peaks = find(maps["heatmap"].float(), self.top_k)
        boxes = self._mean_boxes(maps, peaks) if self.spread else _read_boxes(maps, peaks.cells)
        return {"boxes": boxes * stride, "scores": peaks.values.sigmoid(), "labels": peaks.labels}

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean probability and size of an input and its mirror image; offsets of the input alone.

        As the original's: the offset of a mirrored centre is not the mirrored offset.
        """
        size = (maps["size"].float() + flipped["size"].float().flip(3)) / 2
        heatmap = _mean_logit(maps["heatmap"].float(), flipped["heatmap"].float().flip(3))
        return {"heatmap": heatmap, "size": size, "offset": maps["offset"]}

    def _mean_boxes(self, maps: Maps, peaks: Peaks) -> Float[Tensor, "b k 4"]:
        """Boxes as the cells of the peaks and those round them see them, in cells."""
        height, width = maps["heatmap"].shape[2:]
        around = peaks.cells[:, :, None] + self._moves(peaks.cells.device)
        image, y, x = around.unbind(-1)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
        boxes = _read_boxes(maps, torch.stack([image, y, x], dim=-1))
        share = maps["heatmap"][image, peaks.labels[..., None], y, x].float().sigmoid() * inside
        # A share may be zero in the last digit where there is no object at all.
        return (boxes * share[..., None]).sum(dim=2) / share.sum(dim=2, keepdim=True).clamp(min=1e-12)

    def _regression(
        self, cells: Int[Tensor, "m 3"], size: Float[Tensor, "m 2"], center: Float[Tensor, "m 2"], grid: Grid
    ) -> Targets:
        """What is read at the cells of the centres, and at those round them."""
        if not self.spread:
            return {"cells": cells, "size": size, "offset": center - cell_corners(cells)}
        moves = self._moves(cells.device)
        around = (cells[:, None] + moves).flatten(0, 1)
        _, y, x = around.unbind(1)
        inside = (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width)
        owner = torch.arange(len(cells), device=cells.device).repeat_interleave(len(moves))[inside]
        around = around[inside]
        return {"cells": around, "size": size[owner], "offset": center[owner] - cell_corners(around)}

    def _moves(self, device: torch.device) -> Int[Tensor, "s 3"]:
        """Steps `(image, y, x)` from a cell to itself and to those round it."""
        steps = torch.arange(-self.spread, self.spread + 1, device=device)
        return torch.cartesian_prod(torch.zeros_like(steps[:1]), steps, steps)

    def _radii(self, size: Float[Tensor, "m 2"]) -> Int[Tensor, " m"]:
        rule = exact_radius if self.corrected_radius else original_radius
        # Sides are rounded up and the radius down, as in the original: see test_golden_targets.
        return rule(size.ceil(), self.min_overlap).long()


def _mean_logit(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """The logit of the mean of two probabilities: the ratio of what speaks for to what speaks against."""
    return ((one.sigmoid() + other.sigmoid()) / ((-one).sigmoid() + (-other).sigmoid())).log()


def _read_boxes(maps: Maps, cells: Int[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` that cells see, in cells."""
    return _boxes(cells, read(maps["offset"], cells).float(), read(maps["size"], cells).float())


def _boxes(
    cells: Int[Tensor, "*n 3"], offset: Float[Tensor, "*n 2"], size: Float[Tensor, "*n 2"]
) -> Float[Tensor, "*n 4"]:
    """Boxes `(x1, y1, x2, y2)` in cells."""
    center = cell_corners(cells) + offset
    return torch.cat([center - size / 2, center + size / 2], dim=-1)
