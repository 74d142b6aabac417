"""A network with everything that gives its maps a meaning: from images to detections."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.batch import Batch
from centernet.data.batching import collate
from centernet.data.transforms import resize
from centernet.detections import Detections
from centernet.geometry.affine import transform_boxes
from centernet.geometry.resize import ResizeRule
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.protocols import Outputs, Task
from centernet.structures import Annotations, Categories, Sample, View


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """All that a weights folder holds.

    Attributes:
        network: The weights.
        task: What its maps mean.
        categories: What labels mean.
        rule: How images are shown to it.
        normalize: How pixels are scaled for it.
        architecture: How to build the network again.
    """

    network: Network
    task: Task
    categories: Categories
    rule: ResizeRule
    normalize: Normalize
    architecture: Architecture

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def keeping(self, max_detections: int) -> "Predictor":
        """The same predictor, giving at most so many detections in an image."""
        task: Any = self.task
        return replace(self, task=replace(task, top_k=max_detections))

    def outputs(self, batch: Batch) -> Outputs:
        """What the network finds in a batch that lies on its device, input pixels."""
        maps = self.network(self.normalize(batch.images))[-1]
        return self.task.decode(maps, self.network.stride)

    def detect(self, samples: Sequence[Sample], *, half: bool = False) -> list[Detections]:
        """Detections in images as read from their files, image pixels, best first.

        Args:
            samples: Images; their annotations are not looked at.
            half: Compute in bfloat16.
        """
        shown = collate([resize(sample, self.rule) for sample in samples])
        with torch.inference_mode(), self._precision(half):
            outputs = self.outputs(shown.to(self.device))
        found = detections_of(outputs, shown, self.categories)
        return [replace(one, image=sample.image) for one, sample in zip(found, samples, strict=True)]

    def _precision(self, half: bool) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()


def sample_of(image: UInt8[np.ndarray, "h w 3"], name: str, image_id: int = 0) -> Sample:
    """An image nothing is known about, ready for `Predictor.detect`."""
    size = (image.shape[0], image.shape[1])
    view = View(name=name, image_size=size, input_size=size)
    return Sample(image=image, annotations=Annotations.none(), view=view, image_id=image_id)


def detections_of(outputs: Outputs, batch: Batch, categories: Categories) -> list[Detections]:
    """Outputs in input pixels as one `Detections` an image, in image pixels and cut to the image.

    What fills up images that have fewer peaks than were asked for has score 0 and is left out.
    """
    boxes, scores, labels = (outputs[name].float().cpu().numpy() for name in ("boxes", "scores", "labels"))
    found = scores > 0
    return [
        Detections(
            boxes=_in_image(boxes[i, found[i]], view),
            scores=scores[i, found[i]],
            labels=labels[i, found[i]].astype(np.int64),
            categories=categories,
            name=view.name,
            image_size=view.image_size,
            image_id=image_id,
        )
        for i, (view, image_id) in enumerate(zip(batch.views, batch.image_ids, strict=True))
    ]


def _in_image(boxes: np.ndarray, view: View) -> np.ndarray:
    height, width = view.image_size
    moved = transform_boxes(view.image_from_input, boxes.astype(np.float64))
    return np.clip(moved, 0, [width, height] * 2).astype(np.float32)
