"""Boxes as two corners and a centre: Duan et al. 2019, "CenterNet: Keypoint Triplets"."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import cell_corners, cells_of, read
from centernet.ops.gaussian import draw_gaussians, exact_radius, original_radius
from centernet.ops.peaks import KERNELS, Peaks, find_peaks
from centernet.protocols import (
    BOX_OUTPUTS,
    HeadSpec,
    Maps,
    Outputs,
    OutputSpec,
    PointMap,
    Stem,
    Targets,
    with_fields,
)
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.triplet.corner_matching import CornerPairs, Points, confirmed, pair_corners
from centernet.tasks.triplet.corner_pooling import POOL_CHANNELS, CenterPooling, CornerPooling
from centernet.tasks.triplet.losses import pull_and_push, shared_focal_loss, smooth_l1_at_cells

KEYPOINTS = ("top_left", "bottom_right", "center")
"""Keypoints of a box, each with a heatmap and an offset."""

CORNER_SHARPNESS, CENTER_SHARPNESS = 6.0, 5.0
"""Diameter of a Gaussian over its sigma: the original draws centres a little wider."""

FLIPPED = "mirrored_"
"""Prefix of the names of maps of the horizontally flipped input."""

MAX_PAIRS = 1000
"""Maximum number of pairs of corners per image."""


@dataclass(frozen=True, kw_only=True)
class Triplet:
    """Finds boxes by two corners with similar tags, and keeps those with a centre in their central region.

    Attributes:
        num_classes: Classes.
        top_k: Detections for each image, all classes together.
        num_keypoints: Number of top-left corners, of bottom-right corners and of centres taken per image.
        tag_distance: Maximum distance of the tags of two corners of one object.
        pool_channels: Channels within the pooling layers.
        min_overlap: IoU that a box keeps when a corner moves within the Gaussian.
        corrected_radius: Solve the three cases exactly; the default solves them as both originals do.
        radius: Of every Gaussian, cells; 0 is the cell of the point alone. None: by the size of the box.
        kernel: Side of the window, in cells, in which a peak must be the maximum of its class; odd.
        heatmap_weight: Weight of the focal loss of each of the three heatmaps.
        pull_weight: Weight of the pull loss of the tags of an object. The original sums 0.1 of it over the
            images of a device, which are six; here it is the mean over all images.
        push_weight: Weight of the push loss of the tags of different objects; likewise.
        offset_weight: Weight of the smooth L1 loss of each of the three offsets, in cells.
    """

    num_classes: int
    top_k: int = 100
    num_keypoints: int = 70
    tag_distance: float = 0.5
    pool_channels: int = POOL_CHANNELS
    min_overlap: float = 0.7
    corrected_radius: bool = False
    radius: int | None = None
    kernel: int = 3
    heatmap_weight: float = 1.0
    pull_weight: float = 0.6
    push_weight: float = 0.6
    offset_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ValueError(f"a detector needs at least one class; got num_classes={self.num_classes}")
        if not 0 < self.min_overlap < 1:
            raise ValueError(f"min_overlap is an IoU between 0 and 1; got {self.min_overlap}")
        if self.pool_channels < 1:
            raise ValueError(f"pool_channels are 1 or more; got {self.pool_channels}")
        if self.radius is not None and self.radius < 0:
            raise ValueError(f"radius is a number of cells, 0 or more, or None; got {self.radius}")
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel is one of {', '.join(map(str, KERNELS))}; got {self.kernel}")

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        """The maps that the network must give, by name, each after the pooling layers of its keypoint."""
        build: dict[str, Any] = {
            "top_left": CornerPooling.top_left,
            "bottom_right": CornerPooling.bottom_right,
            "center": CenterPooling,
        }
        stems = {
            name: Stem(name=name, build=partial(layers, channels=self.pool_channels))
            for name, layers in build.items()
        }
        heatmap = HeadSpec(channels=self.num_classes, bias=-2.19)
        heatmap_stems = {f"{name}_heatmap": stems[name] for name in KEYPOINTS}
        return {
            **{name: replace(heatmap, heatmap=name, stem=stem) for name, stem in heatmap_stems.items()},
            **{
                f"{name}_tag": HeadSpec(channels=1, stem=stems[name], at_cells=True) for name in KEYPOINTS[:2]
            },
            **{f"{name}_offset": HeadSpec(channels=2, stem=stems[name], at_cells=True) for name in KEYPOINTS},
        }

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        """Boxes; and the pairs of corners and the centres they are chosen from, to merge several scales."""
        return {
            **BOX_OUTPUTS,
            "pair_boxes": OutputSpec(unit="pixels", group="pairs", role="location"),
            "pair_scores": OutputSpec(unit="score", group="pairs", role="score"),
            "pair_labels": OutputSpec(unit="label", group="pairs", role="label"),
            "pair_corner_scores": OutputSpec(unit="score", group="pairs", role="corner_scores"),
            "center_places": OutputSpec(unit="pixels", group="centers", role="location"),
            "center_scores": OutputSpec(unit="score", group="centers", role="score"),
            "center_labels": OutputSpec(unit="label", group="centers", role="label"),
        }

    @property
    def is_scale_dependent(self) -> bool:
        """False: boxes and scores are those of the image as it is."""
        return False

    def with_settings(self, **settings: Any) -> "Triplet":
        """The task with other values of its fields.

        Raises:
            UsageError: The task has no such field.
        """
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        """Ideal maps of known boxes.

        Boxes are clipped to the input first; those outside it are dropped.

        Returns:
            For each of `top_left`, `bottom_right` and `center`: `..._heatmap` `(b c h w)`; for each of the
            `m` boxes kept its cell in `..._cells` `(m 3)`, and its offset in the cell in `..._offset`
            `(m 2)`, in cells.
        """
        limit = torch.tensor([grid.width, grid.height] * 2, device=objects.boxes.device) * grid.stride - 1
        boxes = objects.boxes.clamp(min=0).minimum(limit) / grid.stride
        size = boxes[:, 2:] - boxes[:, :2]
        kept = (size > 0).all(dim=1)
        boxes, labels, image_index = boxes[kept], objects.labels[kept], objects.image_index[kept]
        radii = self._radii(size[kept])
        places = (boxes[:, :2], boxes[:, 2:], (boxes[:, :2] + boxes[:, 2:]) / 2)
        targets: Targets = {}
        for name, place in zip(KEYPOINTS, places, strict=True):
            cells = cells_of(place, image_index)
            sharpness = CENTER_SHARPNESS if name == "center" else CORNER_SHARPNESS
            targets[f"{name}_heatmap"] = draw_gaussians(
                grid, self.num_classes, cells, labels, radii, sharpness
            )
            targets[f"{name}_cells"] = cells
            targets[f"{name}_offset"] = place - cell_corners(cells)
        return targets

    def loss(self, maps: Maps, targets: Targets) -> dict[str, Tensor]:
        """Weighted terms whose sum is minimised."""
        terms = {}
        for name in KEYPOINTS:
            heatmap, offset, cells = f"{name}_heatmap", f"{name}_offset", targets[f"{name}_cells"]
            terms[heatmap] = self.heatmap_weight * shared_focal_loss(maps[heatmap], targets[heatmap])
            error = smooth_l1_at_cells(maps[offset], cells, targets[offset])
            terms[offset] = self.offset_weight * error
        first, second = (
            read(maps[f"{name}_tag"], targets[f"{name}_cells"]).float()[:, 0] for name in KEYPOINTS[:2]
        )
        image_index = targets["center_cells"][:, 0]
        pull, push = pull_and_push(first, second, image_index, len(maps["center_heatmap"]))
        return {**terms, "pull": self.pull_weight * pull, "push": self.push_weight * push}

    def decode(self, maps: Maps, stride: int) -> Outputs:
        """Detections: `boxes` `(b k 4)`, input pixels; `scores` and `labels` `(b k)`, best first.

        With maps of the flipped input, as from `merge_flipped`, its corners and centres are added.

        Returns:
            Also the candidates, to merge several scales: `pair_boxes` `(b n 4)`, `pair_scores` and
            `pair_labels`, `pair_corner_scores` `(b n 2)`, `center_places` `(b k 2)`, `center_scores` and
            `center_labels`.
        """
        pairs, centers = self.candidates(maps, stride)
        scores = confirmed(pairs, centers)
        missing = max(0, self.top_k - scores.shape[1])
        scores, order = F.pad(scores, (0, missing)).topk(self.top_k, dim=1)
        boxes = F.pad(pairs.boxes, (0, 0, 0, missing)).gather(1, order[..., None].expand(-1, -1, 4))
        labels = F.pad(pairs.labels, (0, missing)).gather(1, order)
        is_found = scores > 0
        return {
            "boxes": boxes * is_found[..., None],
            "scores": scores,
            "labels": labels * is_found,
            "pair_boxes": pairs.boxes,
            "pair_scores": pairs.scores,
            "pair_labels": pairs.labels,
            "pair_corner_scores": pairs.corner_scores,
            "center_places": centers.places,
            "center_scores": centers.scores,
            "center_labels": centers.labels,
        }

    def candidates(self, maps: Maps, stride: int) -> tuple[CornerPairs, Points]:
        """Pairs of corners, and the centres that may confirm them, in input pixels, both best first."""
        pairs, centers = self._candidates(maps, stride)
        flipped = {
            name.removeprefix(FLIPPED): value for name, value in maps.items() if name.startswith(FLIPPED)
        }
        if not flipped:
            return pairs, centers
        more_pairs, more_centers = self._candidates(flipped, stride)
        # Not width − 1 − x: see test_golden_triplet.
        width = float(maps["center_heatmap"].shape[3] * stride)
        return (
            pairs.concatenated(more_pairs.flipped(width)),
            centers.concatenated(more_centers.flipped(width)),
        )

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        """The maps of both: in a flip corners change their roles, so that maps cannot be averaged.

        Returns:
            Maps of the input, and those of the flipped input, unchanged, with `mirrored_` before their names.
        """
        return {**maps, **{f"{FLIPPED}{name}": value for name, value in flipped.items()}}

    def _radii(self, sizes: Float[Tensor, "m 2"]) -> Int[Tensor, " m"]:
        if self.radius is not None:
            return torch.full((len(sizes),), self.radius, device=sizes.device)
        rule = exact_radius if self.corrected_radius else original_radius
        # Rounded up, then down, as in the original: see test_golden_triplet.
        return rule(sizes.ceil(), self.min_overlap).long()

    def _candidates(self, maps: Maps, stride: int) -> tuple[CornerPairs, Points]:
        peaks = {
            name: find_peaks(maps[f"{name}_heatmap"].float(), self.num_keypoints, kernel=self.kernel)
            for name in KEYPOINTS
        }
        points = {name: self._points(maps[f"{name}_offset"], peaks[name], stride) for name in KEYPOINTS}
        first, second = (
            read(maps[f"{name}_tag"], peaks[name].cells).float()[..., 0] for name in KEYPOINTS[:2]
        )
        pairs = pair_corners(
            points["top_left"],
            points["bottom_right"],
            (first, second),
            tag_distance=self.tag_distance,
            max_pairs=MAX_PAIRS,
        )
        return pairs, points["center"]

    def _points(self, offset: Float[Tensor, "b 2 h w"] | PointMap, peaks: Peaks, stride: int) -> Points:
        cells: Int[Tensor, "b k 3"] = peaks.cells
        places = (cell_corners(cells) + read(offset, cells).float()) * stride
        return Points(places=places, scores=peaks.values.sigmoid(), labels=peaks.labels)
