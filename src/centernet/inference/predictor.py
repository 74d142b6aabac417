"""A network with its task, classes and preprocessing: from images to detections."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from centernet.data.loading.collate import collate
from centernet.data.transforms.warp import resize
from centernet.detections import Detections
from centernet.drawing import Reasons, draw_explanation
from centernet.geometry.resize import PadBelowMultiple, ResizeRule
from centernet.hardware import max_concurrent_jobs, settle_after_fork
from centernet.inference.options import InferenceOptions
from centernet.inference.postprocess import (
    PLAIN,
    ScaleResult,
    clip_to_image,
    correct_for_padding,
    detections_at_scale,
    merge_scales,
    to_image_pixels,
)
from centernet.inference.preprocess import ModelInput, preprocess
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.ops.heatmaps import merge_heatmaps
from centernet.protocols import Maps, Outputs, Task
from centernet.structures import Categories, Sample
from centernet.structures.batch import Batch
from centernet.structures.outputs import OutputSpec, values_by_role
from centernet.structures.thresholds import FIXED, UNKNOWN, Thresholds
from centernet.tasks.triplet.corner_matching import central_region


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchPredictor:
    """The detector in a weights folder.

    Attributes:
        network: The weights.
        task: The meaning of its maps.
        categories: The classes of labels.
        rule: How images are resized.
        normalize: How pixels are scaled.
        architecture: How to build the network again.
        thresholds: Scores from which detections count, as found on the validation images.
    """

    network: Network
    task: Task
    categories: Categories
    rule: ResizeRule
    normalize: Normalize
    architecture: Architecture
    thresholds: Thresholds = UNKNOWN

    def __post_init__(self) -> None:
        # Channels last: convolutions are faster, on CPUs and accelerators.
        self.network.to(memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.network.parameters()).device

    @property
    def divisor(self) -> int:
        """Sides of inputs are multiples of this."""
        return self.network.backbone.divisor

    @property
    def short(self) -> int:
        """Pixels by which the sides of inputs are smaller than a multiple of the divisor: 0 or 1."""
        return int(isinstance(self.rule, PadBelowMultiple))

    @property
    def stride(self) -> int:
        """Input pixels from one cell of the finest map to the next."""
        return self.network.stride

    @property
    def max_detections(self) -> int:
        """Maximum number of detections per image."""
        return self.task.top_k

    @property
    def max_concurrency(self) -> int:
        """Number of calls that can run at the same time, each on cores of its own; 1 on an accelerator."""
        return max_concurrent_jobs(torch.get_num_threads()) if self.device.type == "cpu" else 1

    @property
    def is_scale_dependent(self) -> bool:
        """True if depths are valid only for images as large as in training."""
        return self.task.is_scale_dependent

    def with_task_settings(self, **settings: Any) -> "TorchPredictor":
        """The same predictor with other settings of its task: `top_k=300`.

        Raises:
            UsageError: The task has no such setting.
        """
        return replace(self, task=self.task.with_settings(**settings))

    def with_rule(self, rule: ResizeRule) -> "TorchPredictor":
        """The same predictor with another resize rule."""
        return replace(self, rule=rule)

    def maps(self, batch: Batch, *, flip: bool = False) -> Maps:
        """The maps of a batch on the network's device; by one thread in a fork of the process that loaded it.

        Args:
            batch: Inputs.
            flip: Merge them with the maps of the horizontally flipped inputs.
        """
        settle_after_fork()
        images = self.normalize(batch.images)
        if not flip:
            return self.network.last_maps(images, at_cells=True)
        both = self.network.last_maps(torch.cat([images, images.flip(3)]))
        plain, flipped = ({name: value.chunk(2)[i] for name, value in both.items()} for i in range(2))
        return self.task.merge_flipped(plain, flipped)

    def heatmaps(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The heatmaps `(b c h w)` among predicted or ideal maps, the layers of each merged into one."""
        return merge_heatmaps(maps, self.task.heads)

    def detect(self, samples: Sequence[Sample], inference: InferenceOptions = PLAIN) -> list[Detections]:
        """Detections in images as read from their files, image pixels, best first.

        Args:
            samples: Images; their annotations are not used.
            inference: Test-time augmentation, NMS and precision.
        """
        return self.detect_preprocessed([preprocess(one, self.rule, inference) for one in samples], inference)

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions = PLAIN
    ) -> list[Detections]:
        """Detections in images that were preprocessed with the rule, for these options."""
        per_scale = [
            self._at_scale([image.inputs[number] for image in images], scale, inference)
            for number, scale in enumerate(inference.scales)
        ]
        return merge_scales(per_scale, [image.sample for image in images], inference, self.task.top_k)

    def explain(
        self, sample: Sample, min_scores: Float[np.ndarray, " c"] | float = FIXED
    ) -> UInt8[np.ndarray, "h w 3"]:
        """A contact sheet that explains the detections in an image: heatmaps, candidates and detections.

        Args:
            sample: The image.
            min_scores: Detections, pairs of corners and centres with a lower score are not drawn: one for all
                classes or for each.
        """
        scores = torch.from_numpy(np.broadcast_to(min_scores, (len(self.categories),)).astype(np.float32))
        batch = collate([resize(sample, self.rule)])
        with torch.inference_mode():
            maps = self.maps(batch.to(self.device))
            outputs = self.task.decode(maps, self.network.stride)
        stretch = batch.images.shape[3] / (_sides(maps)[1] * self.network.stride)
        heatmaps = {
            name: value[0].float().sigmoid().cpu().numpy() for name, value in self.heatmaps(maps).items()
        }
        image = np.ascontiguousarray(batch.images[0].permute(1, 2, 0).numpy())
        return draw_explanation(image, heatmaps, _reasons(outputs, self.task.outputs, scores, stretch))

    def _at_scale(
        self, inputs: Sequence[Sample], scale: float, inference: InferenceOptions
    ) -> list[ScaleResult]:
        """The detections of one scale; boxes may reach out of the images."""
        batch = collate(inputs)
        with torch.inference_mode(), self._precision(inference.half):
            maps = self.maps(batch.to(self.device), flip=inference.flip)
            outputs = self.task.decode(maps, self.network.stride)
        height, width = batch.images.shape[2:]
        rows, columns = _sides(maps)
        views = correct_for_padding(batch.views, (height, width), (rows, columns), self.network.stride)
        found, ids = to_numpy(outputs), batch.image_ids
        return detections_at_scale(found, self.task.outputs, views, ids, self.categories, scale=scale)

    def _precision(self, half: bool) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()


def _sides(maps: Maps) -> tuple[int, int]:
    """Rows and columns of the first map that is computed as a whole: of the finest level."""
    height, width = next(value for value in maps.values() if isinstance(value, torch.Tensor)).shape[2:]
    return height, width


def _reasons(
    found: Outputs, outputs: Mapping[str, OutputSpec], min_scores: Float[Tensor, " c"], stretch: float
) -> Reasons:
    """The detections of one image with the candidates they were chosen from, input pixels."""
    values = {name: value[0].float().cpu() for name, value in found.items()}
    objects, pairs, centers = (
        values_by_role(values, outputs, group) for group in ("boxes", "pairs", "centers")
    )
    kept = objects["score"] >= min_scores[objects["label"].long()]
    boxes = objects["location"][kept]
    rejected, regions = torch.zeros(0, 4), torch.zeros(0, 4)
    points, point_labels = torch.zeros(0, 2), torch.zeros(0)
    if pairs:
        candidates = pairs["location"][pairs["score"] >= min_scores.min()]
        rejected = candidates[~(candidates[:, None] == boxes).all(dim=2).any(dim=1)]
        regions = central_region(boxes)
        is_confident = centers["score"] >= min_scores[centers["label"].long()]
        points, point_labels = centers["location"][is_confident], centers["label"][is_confident]
    keypoints = objects.get("keypoints", torch.zeros(len(kept), 0, 3))[kept].clone()
    keypoints[..., :2] *= stretch
    return Reasons(
        boxes=(boxes * stretch).numpy(),
        labels=objects["label"][kept].long().numpy(),
        keypoints=keypoints.numpy(),
        rejected=(rejected * stretch).numpy(),
        regions=(regions * stretch).numpy(),
        centers=(points * stretch).numpy(),
        center_labels=point_labels.long().numpy(),
    )


def to_numpy(outputs: Outputs) -> dict[str, np.ndarray]:
    """Outputs of any device and precision as float32 arrays."""
    return {name: value.float().cpu().numpy() for name, value in outputs.items()}


def to_detections(
    found: Outputs, outputs: Mapping[str, OutputSpec], batch: Batch, categories: Categories
) -> list[Detections]:
    """Outputs in input pixels as one `Detections` per image, in image pixels and clipped to the image.

    Rows that pad images with fewer peaks than `top_k` have score 0 and are left out.

    Args:
        found: From `Task.decode`.
        outputs: `Task.outputs`, which declare them.
        batch: The images.
        categories: What labels mean.
    """
    detections = to_image_pixels(to_numpy(found), outputs, batch.views, batch.image_ids, categories)
    return [clip_to_image(one) for one in detections]
