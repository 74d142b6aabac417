"""Boxes as centre points: Zhou et al. 2019, "Objects as Points", sec. 3 and 4."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from centernet.ops.box_coders import BoxCoder, predict_at
from centernet.ops.box_forms import box_coder_of
from centernet.ops.cells import read
from centernet.ops.center_boxes import CenterBoxes, Neighbourhood, mean_logit
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss, giou_loss, l1_loss, paired_iou, soft_focal_loss
from centernet.ops.peaks import find_peaks, find_peaks_of_any_class
from centernet.ops.sparse_heatmaps import positives
from centernet.protocols import BOX_OUTPUTS, HeadSpec, Maps, Outputs, OutputSpec, Targets, with_fields
from centernet.structures.batch import BatchAnnotations, Grid


@dataclass(frozen=True, kw_only=True)
class Detect:
    """Finds boxes: a heatmap for each class, and at its peaks the box's size and the centre's offset.

    Attributes:
        num_classes: Classes.
        top_k: Detections for each image, all classes together.
        class_agnostic: Detect only the best class in each cell.
        min_overlap: IoU that a box keeps when its centre moves within the Gaussian.
        corrected_radius: Solve the three cases exactly; the default solves them as both originals do.
        heatmap_weight: Weight of the focal loss.
        size_weight: Weight of the L1 loss of the size, in cells.
        offset_weight: Weight of the L1 loss of the offset, in cells.
        giou_weight: Weight of the generalised-IoU loss of the whole box; 0 in the paper.
        spread: Radius in cells round the centre in which size and offset are learned too, so that a peak that
            is off by a cell still gives the right box; 0 in the paper. After Liu et al. 2020, "TTFNet",
            sec. 3.3. A detection is then the mean of the boxes of these cells, weighted by the heatmap.
        spread_share: Fraction of the sides of a box: in the cells of this central part, besides those of
            `spread`, the box is learned, weighted by a Gaussian: see `CenterBoxes.central_cells`. 0 in the
            paper, 0.54 in "TTFNet".
        sides_weight: Weight of the L1 loss of the distances to the four sides, in cells, which are learned
            instead of size and offset; with 0, as in the paper, there is no such map.
        quality: Target of the heatmap at the centre of an object, from 1 (0, as in the paper) to the IoU of
            the box predicted there (1, as in Li et al. 2020, "Generalized Focal Loss").
        soft_heatmap: Train the heatmap towards the Gaussians themselves, by `soft_focal_loss`, instead of
            towards their peaks alone.
        box_bins: With `sides_weight`, predict each of the four distances as a distribution over so many: see
            `DistributionCoder`. 0, as in the paper, predicts the distances themselves.
        box_scale: Typical distance from the centre of a box to its sides, in cells (of the level of the
            object, if there are several); for `box_bins`.
        class_weight: Weight of the cross-entropy of the class in the cells where boxes are learned. The
            probability of a class among all is averaged around a peak as its box is. The score is then the
            geometric mean of this probability and the heatmap at the peak: heatmaps of several classes that
            rise over one object are kept apart. With 0, as in the paper, there is no such map.
        temperature: Scores are `sigmoid(logit / temperature + score_bias)`. Training fits both on the
            validation images, so that scores are probabilities: see `Calibration`.
        score_bias: See `temperature`.
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
    spread_share: float = 0.0
    sides_weight: float = 0.0
    quality: float = 0.0
    soft_heatmap: bool = False
    box_bins: int = 0
    box_scale: float = 0.0
    class_weight: float = 0.0
    temperature: float = 1.0
    score_bias: float = 0.0

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"a detector needs at least one class; got num_classes={self.num_classes}")
        if not 0 < self.min_overlap < 1:
            raise ValueError(f"min_overlap is an IoU between 0 and 1; got {self.min_overlap}")
        for name in ("spread_share", "quality"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a fraction from 0 to 1; got {getattr(self, name)}")
        if self.soft_heatmap and self.quality:
            raise ValueError("quality sets targets of peaks, and soft_heatmap those of all cells: choose one")
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0; got {self.temperature}")
        box_coder_of(self)  # raises where its settings do not fit

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name."""
        heatmap = HeadSpec(channels=self.num_classes, bias=-2.19, heatmap="heatmap")
        return {"heatmap": heatmap, **self._box_coder.heads, **self._class_heads}

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """Boxes alone."""
        return BOX_OUTPUTS

    @property
    def is_scale_dependent(self) -> bool:
        """False: boxes and scores are those of the image as it is."""
        return False

    def with_settings(self, **settings: Any) -> "Detect":
        """The task with other values of its fields.

        Raises:
            UsageError: The task has no such field.
        """
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """Ideal maps of known boxes.

        Boxes are clipped to the map before their centre is taken: an object cut by the border of the input is
        detected by the centre of its visible part. Boxes outside the map are dropped.

        Returns:
            `heatmap` `(b c h w)`; for each of the `m` boxes kept, its cell in `cells` `(m 3)` and the ideal
            values there: `size` and `offset` `(m 2)`, in cells. With `spread_share` also `weights` of these
            cells; with `quality` the cells of the centres, `center_cells` `(m 3)` as image · classes + class,
            y, x, and the ideal values there, `center_size` and so on.
        """
        boxes = CenterBoxes.of(objects, grid)
        radii = boxes.radii(self.min_overlap, corrected=self.corrected_radius)
        targets = {"heatmap": draw_gaussians(grid, self.num_classes, boxes.cells, boxes.labels, radii)}
        if self.spread_share:
            cells, box_index, targets["weights"] = boxes.central_cells(self.spread_share, self.spread, grid)
        else:
            cells, box_index = boxes.spread(self.spread, grid)
        targets |= {"cells": cells, **self._box_coder.targets(boxes, cells, box_index, grid.stride)}
        if self._class_heads:
            targets["classes"] = boxes.labels[box_index]
        if self.quality:
            image, y, x = boxes.cells.unbind(1)
            targets["center_cells"] = torch.stack([image * self.num_classes + boxes.labels, y, x], dim=1)
            every_box = torch.arange(len(boxes.cells), device=boxes.cells.device)
            at_centers = self._box_coder.targets(boxes, boxes.cells, every_box, grid.stride)
            targets |= {f"center_{name}": value for name, value in at_centers.items()}
        return targets

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Weighted terms whose sum is minimised."""
        cells, weights = targets["cells"], targets.get("weights")
        predicted = predict_at(self._box_coder, maps, cells)
        terms = {
            "heatmap": self.heatmap_weight * self._heatmap_loss(maps, targets),
            **self._box_coder.losses(predicted, targets, weights),
        }
        if self._class_heads:
            logits = read(maps["classes"], cells).float()
            entropy = F.cross_entropy(logits, targets["classes"], reduction="none")
            terms["classes"] = self.class_weight * l1_loss(
                entropy[:, None], torch.zeros_like(entropy[:, None]), weights
            )
        if self.giou_weight:
            boxes = self._box_coder.boxes(predicted, cells)
            ground_truth = self._box_coder.boxes(targets, cells)
            terms["giou"] = self.giou_weight * giou_loss(boxes, ground_truth, weights)
        return terms

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Detections: `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`, best first."""
        find = find_peaks_of_any_class if self.class_agnostic else find_peaks
        peaks = find(maps["heatmap"].float(), self.top_k)
        around = Neighbourhood.of(peaks, maps["heatmap"], self.spread)
        predicted = predict_at(self._box_coder, maps, around.cells)
        boxes = self._box_coder.pixels(around.mean(self._box_coder.boxes(predicted, around.cells)), stride)
        if not self._class_heads:
            scores = (peaks.values / self.temperature + self.score_bias).sigmoid()
            return {"boxes": boxes, "scores": scores, "labels": peaks.labels}
        likely = around.mean(read(maps["classes"], around.cells).float().softmax(dim=-1))
        # Both know the class: their product would count it twice.
        scores = (peaks.values.sigmoid() * likely.gather(2, peaks.labels[..., None])[..., 0]).sqrt()
        scores, order = scores.topk(scores.shape[1], dim=1)
        odds = (scores / (1 - scores.clamp(max=1 - 1e-6))) ** (1 / self.temperature) * math.exp(
            self.score_bias
        )
        boxes = boxes.gather(1, order[..., None].expand_as(boxes))
        return {"boxes": boxes, "scores": odds / (1 + odds), "labels": peaks.labels.gather(1, order)}

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean probability of an input and its horizontal flip; box maps as the box coder merges them."""
        heatmap = mean_logit(maps["heatmap"].float(), flipped["heatmap"].float().flip(3))
        merged = {"heatmap": heatmap, **self._box_coder.merge_flipped(maps, flipped)}
        if self._class_heads:
            both = (maps["classes"].float(), flipped["classes"].float().flip(3))
            merged["classes"] = torch.logaddexp(*(one.log_softmax(dim=1) for one in both)) - math.log(2)
        return merged

    @property
    def _class_heads(self) -> Mapping[str, HeadSpec]:
        """The map of class probabilities, if there is one."""
        if not self.class_weight:
            return {}
        return {"classes": HeadSpec(channels=self.num_classes, at_cells=True)}

    @property
    def _box_coder(self) -> BoxCoder:
        return box_coder_of(self)

    def _heatmap_loss(self, maps: Maps, targets: Targets) -> Float[Tensor, ""]:
        if self.soft_heatmap:
            return soft_focal_loss(maps["heatmap"], targets["heatmap"])
        soft_targets = self._soft_targets(maps, targets) if self.quality else None
        return focal_loss(maps["heatmap"], targets["heatmap"], soft_targets=soft_targets)

    @torch.no_grad()
    def _soft_targets(self, maps: Maps, targets: Targets) -> Float[Tensor, " p"]:
        """Ideal value of the heatmap in each of its positive cells."""
        plane, y, x = targets["center_cells"].unbind(1)
        cells = torch.stack([torch.div(plane, self.num_classes, rounding_mode="floor"), y, x], dim=1)
        boxes = self._box_coder.boxes(predict_at(self._box_coder, maps, cells), cells)
        ground_truth = {name: targets[f"center_{name}"] for name in self._box_coder.heads}
        overlaps = paired_iou(boxes, self._box_coder.boxes(ground_truth, cells))
        height, width = maps["heatmap"].shape[2:]
        peaks = positives(targets["heatmap"])
        # Of two objects of a class in one cell, the one with the higher IoU counts.
        best = overlaps.new_zeros(len(peaks))
        place = torch.searchsorted(peaks, (plane * height + y) * width + x)
        best.scatter_reduce_(0, place, overlaps, "amax")
        return 1 - self.quality * (1 - best)
