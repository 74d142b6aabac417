"""Boxes as centre points: Zhou et al. 2019, "Objects as Points", sec. 3 and 4."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from centernet.batch import Grid, Objects
from centernet.ops.cells import cell_corners
from centernet.ops.center_boxes import CenterBoxes, Surroundings, boxes_at, mean_logit, read_boxes
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss, giou_loss, l1_at_cells
from centernet.ops.peaks import find_peaks, find_peaks_of_any_class
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
        boxes = CenterBoxes.of(objects, grid)
        radii = boxes.radii(self.min_overlap, corrected=self.corrected_radius)
        cells, owner = boxes.spread(self.spread, grid)
        return {
            "heatmap": draw_gaussians(grid, self.num_classes, boxes.cells, boxes.labels, radii),
            "cells": cells,
            "size": boxes.size[owner],
            "offset": boxes.center[owner] - cell_corners(cells),
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
            truth = boxes_at(cells, targets["offset"], targets["size"])
            terms["giou"] = self.giou_weight * giou_loss(read_boxes(maps, cells), truth)
        return terms

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """What maps show: `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`, best first."""
        find = find_peaks_of_any_class if self.class_agnostic else find_peaks
        peaks = find(maps["heatmap"].float(), self.top_k)
        around = Surroundings.of(peaks, maps["heatmap"], self.spread)
        boxes = around.mean(read_boxes(maps, around.cells))
        return {"boxes": boxes * stride, "scores": peaks.values.sigmoid(), "labels": peaks.labels}

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean probability and size of an input and its mirror image; offsets of the input alone.

        As the original's: the offset of a mirrored centre is not the mirrored offset.
        """
        size = (maps["size"].float() + flipped["size"].float().flip(3)) / 2
        heatmap = mean_logit(maps["heatmap"].float(), flipped["heatmap"].float().flip(3))
        return {"heatmap": heatmap, "size": size, "offset": maps["offset"]}
