"""3D boxes from one image: Zhou et al. 2019, "Objects as Points", sec. 4.2 and appendix B."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import cell_corners, read
from centernet.ops.center_boxes import CenterBoxes, mean_logit, read_boxes
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss
from centernet.ops.peaks import find_peaks, find_peaks_of_any_class
from centernet.protocols import BOX_OUTPUTS, HeadSpec, Maps, Outputs, OutputSpec, Targets, with_fields
from centernet.structures.batch import BatchAnnotations, Grid

IGNORED = 0.9999
"""Value of the heatmap in ignored regions, as in the original: no positive, and no loss as a negative."""

_DEPTH_BIAS = -2.75
"""Depths start at 15 metres: from 1 metre, the start without a bias, it takes an epoch to get there."""

_NEAREST_M = 0.1
"""Points nearer to the camera are not projected."""

_BIN_CENTERS = (-math.pi / 2, math.pi / 2)
_OVERLAP = math.pi / 6
"""Overlap of the two half circles of headings at each end."""


@dataclass(frozen=True, kw_only=True)
class Mono3D:
    """Finds boxes with depth, size in metres and heading, which give 3D boxes once the camera is known.

    Attributes:
        num_classes: Classes.
        top_k: Detections for each image, all classes together.
        class_agnostic: Detect only the best class in each cell.
        min_overlap: IoU that a box keeps when its centre moves within the Gaussian.
        corrected_radius: Solve the three cases exactly; the default solves them as both originals do.
        slots: Average the losses of the objects over so many slots per image, used or not, as the original
            does with 50; 0 averages over the objects.
        heatmap_weight: Weight of the focal loss.
        size_weight: Weight of the L1 loss of the size, in cells.
        offset_weight: Weight of the L1 loss of the offset, in cells.
        depth_weight: Weight of the L1 loss of the depth, in metres.
        size3d_weight: Weight of the L1 loss of height, width and length, in metres.
        heading_weight: Weight of the loss of the heading: cross entropy of two bins, and smooth L1 of sine
            and cosine in each.
        center3d_weight: Weight of the L1 loss of the projected centre of the 3D box, in cells. With 0, as in
            the paper, there is no such map, and the centre of the 2D box is taken for it: metres off for
            objects that are near or cut by the border.
        focal_px: Depths are predicted for a camera of this focal length, input pixels: an object of twice the
            size in the input is half as far away, whatever the camera. With 0, as in the paper, they are
            those of the cameras of the training set.
    """

    num_classes: int
    top_k: int = 100
    class_agnostic: bool = False
    min_overlap: float = 0.7
    corrected_radius: bool = False
    slots: int = 0
    heatmap_weight: float = 1.0
    size_weight: float = 0.1
    offset_weight: float = 1.0
    depth_weight: float = 1.0
    size3d_weight: float = 1.0
    heading_weight: float = 1.0
    center3d_weight: float = 0.0
    focal_px: float = 0.0

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"a detector needs at least one class; got num_classes={self.num_classes}")
        if not 0 < self.min_overlap < 1:
            raise ValueError(f"min_overlap is an IoU between 0 and 1; got {self.min_overlap}")
        if self.slots < 0:
            raise ValueError(f"slots are 0, or a number of objects per image; got {self.slots}")
        if self.focal_px < 0:
            raise ValueError(f"focal_px is 0, or a focal length in pixels; got {self.focal_px}")

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name.

        `heading` holds for each of two bins two logits, outside and inside, then sine and cosine of the angle
        from the middle of the bin.
        """
        return {
            "heatmap": HeadSpec(channels=self.num_classes, bias=-2.19, heatmap="heatmap"),
            "offset": HeadSpec(channels=2, at_cells=True),
            "size": HeadSpec(channels=2, at_cells=True),
            "depth": HeadSpec(channels=1, bias=_DEPTH_BIAS, at_cells=True),
            "size3d": HeadSpec(channels=3, at_cells=True),
            "heading": HeadSpec(channels=8, at_cells=True),
            **({"center3d": HeadSpec(channels=2, at_cells=True)} if self.center3d_weight else {}),
        }

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """Boxes, and of each what gives the 3D box once the camera is known."""
        return {
            **BOX_OUTPUTS,
            "centers": OutputSpec(unit="pixels", role="center3d"),
            "depth": OutputSpec(unit="metres", role="depth"),
            "size3d": OutputSpec(unit="metres", role="size3d"),
            "alpha_rad": OutputSpec(unit="radians", role="alpha"),
            **({"focal_px": OutputSpec(unit="pixels", role="focal")} if self.focal_px else {}),
        }

    @property
    def is_scale_dependent(self) -> bool:
        """True without `focal_px`: depth is then valid only at the image scale of the training."""
        return not self.focal_px

    def with_settings(self, **settings: Any) -> "Mono3D":
        """The task with other values of its fields.

        Raises:
            UsageError: The task has no such field.
        """
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """Ideal maps of known objects.

        Returns:
            As `Detect.encode`. Also, for each object, `depth` `(m 1)` and `size3d` `(m 3)` in metres, NaN if
            not known; `bins` `(m 2)`, 1 if its heading is in the bin, and `angles` `(m 2)`, from the middle
            of each bin, NaN if not known; `center3d` `(m 2)`, from its cell to the projected centre of its 3D
            box, in cells, NaN if not known. Ignored regions are in the heatmap alone.
        """
        boxes = CenterBoxes.of(objects, grid)
        # Sides are not rounded up here, as in the original.
        radii = boxes.radii(self.min_overlap, corrected=self.corrected_radius, rounded_up=False)
        is_ignored = objects.is_ignored[boxes.index]
        limits = torch.where(is_ignored, IGNORED, 1.0)
        known = ~is_ignored
        index = boxes.index[known]
        alpha = objects.alpha_rad[index, None]
        # The two ends of the circle meet in the second half of each bin.
        angles = torch.cat([_wrap_to_pi(alpha - center) for center in _BIN_CENTERS], dim=1)
        return {
            "heatmap": draw_gaussians(
                grid, self.num_classes, boxes.cells, boxes.labels, radii, limits=limits
            ),
            "cells": boxes.cells[known],
            "size": boxes.size[known],
            "offset": boxes.center[known] - cell_corners(boxes.cells[known]),
            "depth": objects.boxes3d[index, 5:6] * self._depth_factor(objects.cameras[index])[:, None],
            "size3d": objects.boxes3d[index, :3],
            "bins": (angles.abs() < math.pi / 2 + _OVERLAP).long(),
            "angles": angles,
            "center3d": _projected_centers(objects, index) / grid.stride - cell_corners(boxes.cells[known]),
        }

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Weighted terms whose sum is minimised."""
        images = len(maps["heatmap"])
        cells = targets["cells"]
        predicted = {name: read(maps[name], cells).float() for name in ("size", "offset", "size3d")}
        predicted["depth"] = _depth(read(maps["depth"], cells).float())
        weights = {
            "size": self.size_weight,
            "offset": self.offset_weight,
            "depth": self.depth_weight,
            "size3d": self.size3d_weight,
        }
        if self.center3d_weight:
            predicted["center3d"] = read(maps["center3d"], cells).float()
            weights["center3d"] = self.center3d_weight
        heading = self._heading_loss(read(maps["heading"], cells).float(), targets, images)
        return {
            "heatmap": self.heatmap_weight * focal_loss(maps["heatmap"], targets["heatmap"]),
            **{
                name: weight * self._mean_l1(predicted[name], targets[name], images)
                for name, weight in weights.items()
            },
            "heading": self.heading_weight * heading,
        }

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Detections, best first.

        Returns:
            `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`; and what gives the 3D boxes once
            the camera is known: `centers` `(b k 2)`, the projected centre of the 3D box, input pixels;
            `depth` `(b k)` and `size3d` `(b k 3)`, height, width, length, metres; `alpha_rad` `(b k)`, the
            heading against the line of sight. With `focal_px`, that too, `(b k)`: depth is relative to it.
        """
        find = find_peaks_of_any_class if self.class_agnostic else find_peaks
        peaks = find(maps["heatmap"].float(), self.top_k)
        boxes = read_boxes(maps, peaks.cells)
        from_cell = read(maps["center3d" if self.center3d_weight else "offset"], peaks.cells).float()
        focal = {"focal_px": torch.full_like(peaks.values, self.focal_px)} if self.focal_px else {}
        return {
            "boxes": boxes * stride,
            "scores": peaks.values.sigmoid(),
            "labels": peaks.labels,
            "centers": (cell_corners(peaks.cells) + from_cell) * stride,
            "depth": _depth(read(maps["depth"], peaks.cells).float())[..., 0],
            "size3d": read(maps["size3d"], peaks.cells).float(),
            "alpha_rad": _alpha(read(maps["heading"], peaks.cells).float()),
            **focal,
        }

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean of an input and its horizontal flip; offsets of the input alone, as for `Detect`.

        A flip reflects a heading about the middle of its bin: bins and cosines stay, sines change sign.
        """
        back = {name: value.float().flip(3) for name, value in flipped.items()}
        signs = torch.tensor([1, 1, -1, 1], device=maps["heading"].device).repeat(2).view(8, 1, 1)
        back["heading"] = back["heading"] * signs
        means = {
            name: (maps[name].float() + back[name]) / 2 for name in ("size", "depth", "size3d", "heading")
        }
        return {
            "heatmap": mean_logit(maps["heatmap"].float(), back["heatmap"]),
            **{name: maps[name] for name in ("offset", "center3d") if name in maps},
            **means,
        }

    def _depth_factor(self, cameras: Float[Tensor, "m 3 4"]) -> Float[Tensor, " m"]:
        """Factor from a depth to that for `focal_px`; NaN if the camera is not known."""
        if not self.focal_px:
            return torch.ones_like(cameras[:, 0, 0])
        return self.focal_px / cameras[:, 0, 0]

    def _mean_l1(
        self, predicted: Float[Tensor, "m d"], ground_truth: Float[Tensor, "m d"], images: int
    ) -> Float[Tensor, ""]:
        """Mean absolute error of the objects whose ground truth is known."""
        is_known = ground_truth.isfinite().all(dim=1)
        errors = (predicted - ground_truth)[is_known].abs()
        count = images * self.slots * ground_truth.shape[1] if self.slots else errors.numel() + 1e-4
        return errors.sum() / count

    def _heading_loss(
        self, predicted: Float[Tensor, "m 8"], targets: Targets, images: int
    ) -> Float[Tensor, ""]:
        is_known = targets["angles"].isfinite().all(dim=1)
        predicted, bins, angles = predicted[is_known], targets["bins"][is_known], targets["angles"][is_known]
        terms = []
        for place in range(2):
            logits, sine_cosine = predicted[:, 4 * place :][:, :2], predicted[:, 4 * place + 2 :][:, :2]
            entropy = F.cross_entropy(logits, bins[:, place], reduction="sum")
            if self.slots:
                # The original adds the cross entropy of even logits for each unused slot.
                unused = images * self.slots - len(logits)
                terms.append((entropy + unused * math.log(2)) / (images * self.slots))
            else:
                terms.append(entropy / max(len(logits), 1))
            inside = bins[:, place] == 1
            angle = angles[inside, place]
            ground_truth = torch.stack([angle.sin(), angle.cos()], dim=1)
            error = F.smooth_l1_loss(sine_cosine[inside], ground_truth, reduction="sum")
            terms.append(error / max(len(angle), 1))
        return torch.stack(terms).sum()


def _projected_centers(objects: BatchAnnotations, index: Int[Tensor, " m"]) -> Float[Tensor, "m 2"]:
    """Projected centres of 3D boxes, input pixels; NaN behind the camera or if not known."""
    boxes, cameras = objects.boxes3d[index], objects.cameras[index]
    centers = boxes[:, 3:6] - F.pad(boxes[:, :1] / 2, (1, 1))
    projected = torch.einsum("mij,mj->mi", cameras, F.pad(centers, (0, 1), value=1.0))
    return projected[:, :2] / projected[:, 2:].where(projected[:, 2:] > _NEAREST_M, torch.nan)


def _depth(raw: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Metres: Eigen et al. 2014, as in "Objects as Points", appendix B."""
    return 1 / (raw.sigmoid() + 1e-6) - 1


def _alpha(heading: Float[Tensor, "*n 8"]) -> Float[Tensor, "*n"]:
    """The angle of the bin whose logit for inside is the higher one."""
    bins = heading.view(*heading.shape[:-1], 2, 4)
    angles = torch.atan2(bins[..., 2], bins[..., 3]) + torch.tensor(_BIN_CENTERS, device=heading.device)
    chosen: Int[Tensor, "*n 1"] = (bins[..., 0, 1] <= bins[..., 1, 1]).long()[..., None]
    return angles.gather(-1, chosen)[..., 0]


def _wrap_to_pi(angles_rad: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Angles from −π to below π."""
    return (angles_rad + math.pi) % (2 * math.pi) - math.pi
