"""Boxes with keypoints: Zhou et al. 2019, "Objects as Points", sec. 4.3 and appendix."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from centernet.ops.box_coders import BoxCoder, predict_at
from centernet.ops.box_forms import box_coder_of
from centernet.ops.cells import cell_corners, cells_of, read
from centernet.ops.center_boxes import CenterBoxes, Neighbourhood, mean_logit
from centernet.ops.gaussian import draw_gaussians
from centernet.ops.losses import focal_loss, giou_loss, l1_at_cells, soft_focal_loss
from centernet.ops.peaks import find_peaks, find_peaks_of_any_class
from centernet.ops.places import place_loss, windows_of
from centernet.protocols import BOX_OUTPUTS, HeadSpec, Maps, Outputs, OutputSpec, Targets, with_fields
from centernet.structures import Categories
from centernet.structures.batch import BatchAnnotations, Grid

MIN_SCORE = 0.1
"""Minimum score of the peaks of a keypoint's heatmap that are candidates: the original's threshold."""

FURTHEST = 0.3
"""Maximum distance of a candidate from the regressed keypoint, as a fraction of the box's longer side."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Finds boxes and their keypoints: vectors from the centre, snapped to peaks of the keypoint heatmaps.

    Classes may have different keypoints, or none: the maps hold the keypoints of all classes one after the
    other.

    Attributes:
        num_keypoints: Keypoints of each class.
        mirrored: Index of the keypoint that each one becomes in a horizontal flip, counted through all
            classes.
        top_k: Detections for each image, all classes together.
        class_agnostic: Detect only the best class in each cell.
        min_overlap: IoU that a box keeps when its centre moves within the Gaussian.
        corrected_radius: Solve the three cases exactly; the default solves them as both originals do.
        heatmap_weight: Weight of the focal loss of the centres.
        size_weight: Weight of the L1 loss of the size, in cells.
        offset_weight: Weight of the L1 loss of the centre's offset, in cells.
        giou_weight: Weight of the generalised-IoU loss of the whole box; 0 in the paper.
        keypoints_weight: Weight of the L1 loss of the vectors to the keypoints, in cells.
        keypoint_heatmap_weight: Weight of the focal loss of the keypoints.
        keypoint_offset_weight: Weight of the L1 loss of the keypoints' offset, in cells.
        spread: Radius in cells round the centre in which boxes and vectors are learned too, as in `Detect`.
        sides_weight: Weight of the L1 loss of the distances to the four sides, as in `Detect`.
        soft_heatmap: Train the heatmaps of centres and of keypoints towards the Gaussians themselves, as in
            `Detect`.
        box_bins: With `sides_weight`, predict each side as a distribution, as in `Detect`.
        box_scale: Typical distance from the centre of a box to its sides, in cells, for `box_bins`.
        snap_sigma: Standard deviation of a Gaussian of the distance from the regressed keypoint, relative to
            the longer side of the box. A keypoint is the peak of its heatmap in the box with the highest
            product of score and Gaussian. With 0, as in the paper, it is the nearest peak, if it is near.
        place_weight: Weight of the divergence of where a keypoint is among the cells of its object: the
            softmax of its heatmap over the box, from a Gaussian of one cell round the keypoint.
        keypoint_radius: Maximum radius in cells of the Gaussians of keypoints in their heatmaps. With 0, as
            in the paper, it is that of the object's centre, which grows with the box.
        temperature: Scores are `sigmoid(logit / temperature + score_bias)`. Training fits both on the
            validation images, so that scores are probabilities: see `Calibration`.
        score_bias: See `temperature`.
    """

    num_keypoints: tuple[int, ...]
    mirrored: tuple[int, ...]
    top_k: int = 100
    class_agnostic: bool = False
    min_overlap: float = 0.7
    corrected_radius: bool = False
    heatmap_weight: float = 1.0
    size_weight: float = 0.1
    offset_weight: float = 1.0
    giou_weight: float = 0.0
    keypoints_weight: float = 1.0
    keypoint_heatmap_weight: float = 1.0
    keypoint_offset_weight: float = 1.0
    spread: int = 0
    sides_weight: float = 0.0
    soft_heatmap: bool = False
    box_bins: int = 0
    box_scale: float = 0.0
    snap_sigma: float = 0.0
    keypoint_radius: int = 0
    place_weight: float = 0.0
    temperature: float = 1.0
    score_bias: float = 0.0

    def __post_init__(self) -> None:
        if not any(self.num_keypoints):
            raise ValueError(f"pose needs a class with keypoints; got num_keypoints={self.num_keypoints}")
        if sorted(self.mirrored) != list(range(sum(self.num_keypoints))):
            raise ValueError(
                f"mirrored names each of the {sum(self.num_keypoints)} keypoints once; got {self.mirrored}"
            )
        if not 0 < self.min_overlap < 1:
            raise ValueError(f"min_overlap is an IoU between 0 and 1; got {self.min_overlap}")
        if self.snap_sigma < 0:
            raise ValueError(f"snap_sigma is 0 or more; got {self.snap_sigma}")
        if self.keypoint_radius < 0:
            raise ValueError(f"keypoint_radius is 0 or more; got {self.keypoint_radius}")
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0; got {self.temperature}")
        box_coder_of(self)  # raises where its settings do not fit

    @classmethod
    def of(cls, categories: Categories, **settings: Any) -> "Pose":
        """The task for classes with skeletons.

        Args:
            categories: Classes and their skeletons.
            settings: Any other attribute.
        """
        mirrored: list[int] = []
        for skeleton in categories.skeletons:
            first = len(mirrored)
            mirrored += [first + keypoint for keypoint in (skeleton.flip_indices if skeleton else ())]
        return cls(num_keypoints=categories.num_keypoints, mirrored=tuple(mirrored), **settings)

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name."""
        count = sum(self.num_keypoints)
        return {
            "heatmap": HeadSpec(channels=len(self.num_keypoints), bias=-2.19, heatmap="heatmap"),
            **self._box.heads,
            "keypoints": HeadSpec(channels=2 * count, at_cells=True, whole_in_loss=True),
            "keypoint_heatmap": HeadSpec(channels=count, bias=-2.19, heatmap="keypoint_heatmap"),
            "keypoint_offset": HeadSpec(channels=2, at_cells=True),
        }

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """Boxes, and `keypoints` `(b k j 3)`: x and y in input pixels, and score."""
        return {**BOX_OUTPUTS, "keypoints": OutputSpec(unit="pixels", role="keypoints")}

    @property
    def is_scale_dependent(self) -> bool:
        """False: boxes and scores are those of the image as it is."""
        return False

    def with_settings(self, **settings: Any) -> "Pose":
        """The task with other values of its fields.

        Raises:
            UsageError: The task has no such field.
        """
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """Ideal maps of known objects.

        Keypoints that are not labelled, or lie outside the map, are neither regressed nor drawn; an object
        without any still has its box.

        Returns:
            As `Detect.encode`; and `keypoint_heatmap` `(b k h w)`; for each labelled keypoint its cell in
            `keypoint_cells` and its offset in the cell in `keypoint_offset` `(p 2)`; for each vector to a
            keypoint the cell it starts from, in `arrow_cells` `(q 3)` as image · keypoints + keypoint, y, x,
            and the vector in `keypoints` `(q 2)`, in cells from that cell.
        """
        boxes = CenterBoxes.of(objects, grid)
        radii = boxes.radii(self.min_overlap, corrected=self.corrected_radius)
        cells, box_index = boxes.spread(self.spread, grid)
        points = objects.keypoints[boxes.index][..., :2] / grid.stride
        channels = self._channels(boxes.labels)[:, : points.shape[1]]
        is_learned = self._is_learned(objects.keypoints[boxes.index], points, grid) & (channels >= 0)
        person, keypoint = is_learned.nonzero(as_tuple=True)
        joint_cells = cells_of(points[person, keypoint], boxes.cells[person, 0])
        start, aim = is_learned[box_index].nonzero(as_tuple=True)
        image, y, x = cells[start].unbind(1)
        num_keypoints = sum(self.num_keypoints)
        joint_radii = radii.clamp(max=self.keypoint_radius) if self.keypoint_radius else radii
        plane = image * num_keypoints + channels[box_index[start], aim]
        return {
            "heatmap": draw_gaussians(grid, len(self.num_keypoints), boxes.cells, boxes.labels, radii),
            "cells": cells,
            **self._box.targets(boxes, cells, box_index, grid.stride),
            "keypoint_heatmap": draw_gaussians(
                grid, num_keypoints, joint_cells, channels[person, keypoint], joint_radii[person]
            ),
            "keypoint_cells": joint_cells,
            "keypoint_offset": points[person, keypoint] - cell_corners(joint_cells),
            "arrow_cells": torch.stack([plane, y, x], dim=1),
            "keypoints": points[box_index[start], aim] - cell_corners(cells[start]),
            "keypoint_planes": joint_cells[:, 0] * num_keypoints + channels[person, keypoint],
            "keypoint_windows": windows_of(boxes.center[person], boxes.size[person], joint_cells, grid),
        }

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Weighted terms whose sum is minimised."""
        cells, joint_cells = targets["cells"], targets["keypoint_cells"]
        height, width = maps["keypoints"].shape[2:]
        arrows = maps["keypoints"].reshape(-1, 2, height, width)
        predicted = predict_at(self._box, maps, cells)
        heatmap_loss = soft_focal_loss if self.soft_heatmap else focal_loss
        terms = {
            "heatmap": self.heatmap_weight * heatmap_loss(maps["heatmap"], targets["heatmap"]),
            **self._box.losses(predicted, targets),
            "keypoints": self.keypoints_weight
            * l1_at_cells(arrows, targets["arrow_cells"], targets["keypoints"]),
            "keypoint_heatmap": self.keypoint_heatmap_weight
            * heatmap_loss(maps["keypoint_heatmap"], targets["keypoint_heatmap"]),
            "keypoint_offset": self.keypoint_offset_weight
            * l1_at_cells(maps["keypoint_offset"], joint_cells, targets["keypoint_offset"]),
        }
        if self.place_weight:
            terms["place"] = self.place_weight * place_loss(
                maps["keypoint_heatmap"],
                targets["keypoint_planes"],
                cell_corners(joint_cells) + targets["keypoint_offset"],
                targets["keypoint_windows"],
            )
        if self.giou_weight:
            boxes, ground_truth = self._box.boxes(predicted, cells), self._box.boxes(targets, cells)
            terms["giou"] = self.giou_weight * giou_loss(boxes, ground_truth)
        return terms

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Detections, best first.

        Returns:
            `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`; `keypoints` `(b k j 3)` as x, y in
            input pixels and score, zeros beyond the keypoints of the class.
        """
        find = find_peaks_of_any_class if self.class_agnostic else find_peaks
        peaks = find(maps["heatmap"].float(), self.top_k)
        around = Neighbourhood.of(peaks, maps["heatmap"], self.spread)
        predicted = predict_at(self._box, maps, around.cells)
        boxes = self._box.pixels(around.mean(self._box.boxes(predicted, around.cells)), stride)
        channels = self._channels(peaks.labels)
        regressed = self._regressed(maps, around, channels.clamp(min=0))
        keypoints = self._snap(maps, boxes / stride, regressed, channels.clamp(min=0))
        keypoints[..., :2] *= stride
        return {
            "boxes": boxes,
            "scores": (peaks.values / self.temperature + self.score_bias).sigmoid(),
            "labels": peaks.labels,
            "keypoints": keypoints * (channels >= 0)[..., None],
        }

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """Mean of an input and its horizontal flip, left and right exchanged; offsets of the input alone.

        As in the original: the offset of a flipped centre is not the flipped offset.
        """
        order = torch.tensor(self.mirrored, device=maps["heatmap"].device)
        back = {name: value.float().flip(3) for name, value in flipped.items()}
        batch, _, height, width = maps["keypoints"].shape
        arrows = back["keypoints"].view(batch, -1, 2, height, width)[:, order]
        # In a horizontal flip, vectors to the right become vectors to the left.
        arrows = arrows * torch.tensor([-1.0, 1.0], device=arrows.device).view(2, 1, 1)
        return {
            "heatmap": mean_logit(maps["heatmap"].float(), back["heatmap"]),
            **self._box.merge_flipped(maps, flipped),
            "keypoints": (maps["keypoints"].float() + arrows.flatten(1, 2)) / 2,
            "keypoint_heatmap": mean_logit(
                maps["keypoint_heatmap"].float(), back["keypoint_heatmap"][:, order]
            ),
            "keypoint_offset": maps["keypoint_offset"],
        }

    @property
    def _box(self) -> BoxCoder:
        return box_coder_of(self)

    def _channels(self, labels: Int[Tensor, "*n"]) -> Int[Tensor, "*n k"]:
        """The map of each keypoint of objects with these labels; −1 beyond the keypoints of a class."""
        table = torch.full((len(self.num_keypoints), max(self.num_keypoints)), -1, device=labels.device)
        first = 0
        for row, count in zip(table, self.num_keypoints, strict=True):
            row[:count] = torch.arange(first, first + count)
            first += count
        return table[labels]

    def _is_learned(
        self, keypoints: Float[Tensor, "m k 3"], points: Float[Tensor, "m k 2"], grid: Grid
    ) -> Bool[Tensor, "m k"]:
        x, y = points.unbind(-1)
        return (keypoints[..., 2] > 0) & (x >= 0) & (x < grid.width) & (y >= 0) & (y < grid.height)

    def _regressed(
        self, maps: Maps, around: Neighbourhood, channels: Int[Tensor, "b k j"]
    ) -> Float[Tensor, "b k j 2"]:
        """The regressed keypoints of each peak, in cells."""
        batch, count, cells = around.weights.shape
        arrows = read(maps["keypoints"], around.cells).float().view(batch, count, cells, -1, 2)
        index = channels[:, :, None, :, None].expand(-1, -1, cells, -1, 2)
        regressed = arrows.gather(3, index) + cell_corners(around.cells)[..., None, :]
        return around.mean(regressed.flatten(3)).view(batch, count, -1, 2)

    def _snap(
        self,
        maps: Maps,
        boxes: Float[Tensor, "b k 4"],
        regressed: Float[Tensor, "b k j 2"],
        channels: Int[Tensor, "b k j"],
    ) -> Float[Tensor, "b k j 3"]:
        """Regressed keypoints, each moved to a confident peak in the box: the nearest or the likeliest."""
        points, scores = self._candidates(maps)
        image = torch.arange(boxes.shape[0], device=boxes.device)[:, None, None]
        points, scores = points[image, channels], scores[image, channels]
        # Peaks with a low score are moved as far away as in the original.
        far = points.masked_fill((scores <= MIN_SCORE)[..., None], -10000.0)
        # Exported graphs know no `hypot`.
        distance = (regressed[..., None, :] - far).square().sum(dim=-1).sqrt()
        corner, far_corner = boxes[:, :, None, None, :2], boxes[:, :, None, None, 2:]
        is_inside = ((points >= corner) & (points <= far_corner)).all(dim=-1)
        longer = (far_corner - corner).amax(dim=-1)
        if self.snap_sigma:
            closeness = (-0.5 * (distance / (self.snap_sigma * longer).clamp(min=1e-3)).square()).exp()
            index = (scores * closeness * is_inside).argmax(dim=-1, keepdim=True)
            is_near = torch.ones_like(is_inside)
        else:
            index = distance.min(dim=-1, keepdim=True).indices
            is_near = distance <= FURTHEST * longer
        is_taken = (is_inside & is_near & (scores > MIN_SCORE)).gather(-1, index)
        score = scores.gather(-1, index)
        point = points.gather(-2, index[..., None].expand(*index.shape, 2))[..., 0, :]
        snapped = torch.cat([point, score], dim=-1)
        kept = torch.cat([regressed, self._score_at(maps, regressed, channels)[..., None]], dim=-1)
        return torch.where(is_taken, snapped, kept)

    def _candidates(self, maps: Maps) -> tuple[Float[Tensor, "b j n 2"], Float[Tensor, "b j n"]]:
        """The best peaks of each keypoint's heatmap: points in cells, and scores."""
        heatmap = maps["keypoint_heatmap"].float()
        batch, num_keypoints, height, width = heatmap.shape
        min_logit = math.log(MIN_SCORE / (1 - MIN_SCORE))
        peaks = find_peaks(heatmap.reshape(-1, 1, height, width), self.top_k, min_logit)
        plane, y, x = peaks.cells.unbind(-1)
        offset = read(maps["keypoint_offset"], torch.stack([plane // num_keypoints, y, x], dim=-1)).float()
        points = cell_corners(peaks.cells) + offset
        shape = (batch, num_keypoints, -1)
        return points.view(*shape, 2), peaks.values.sigmoid().view(shape)

    def _score_at(
        self, maps: Maps, points: Float[Tensor, "b k j 2"], channels: Int[Tensor, "b k j"]
    ) -> Float[Tensor, "b k j"]:
        """Scores of the keypoint heatmaps at points; 0 outside them."""
        heatmap = maps["keypoint_heatmap"]
        height, width = heatmap.shape[2:]
        x, y = points.floor().long().unbind(-1)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        image = torch.arange(points.shape[0], device=points.device)[:, None, None]
        values = heatmap[image, channels, y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return values.float().sigmoid() * inside
