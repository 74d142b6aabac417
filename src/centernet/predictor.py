"""A network with everything that gives its maps a meaning: from images to detections."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.batch import Batch
from centernet.data.batching import collate
from centernet.data.transforms import resize
from centernet.detections import Detections
from centernet.drawing import Reasons, draw_explanation
from centernet.errors import UsageError
from centernet.geometry.affine import transform_boxes, transform_points
from centernet.geometry.camera import Camera, rotation_from_alpha, unproject
from centernet.geometry.resize import ResizeRule
from centernet.inference import Inference
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.ops.evidence import Evidence, decide, evidence_of
from centernet.ops.pairing import middle_part
from centernet.preparation import Prepared, prepare
from centernet.protocols import Maps, Outputs, Task
from centernet.structures import Annotations, Categories, Sample, View
from centernet.tasks.layered import finest_heatmaps

PLAIN = Inference()
"""One look at each image."""


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

    def __post_init__(self) -> None:
        # The values of a place side by side: convolutions are faster so, on processors and accelerators.
        self.network.to(memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def divisor(self) -> int:
        """Sides of inputs are multiples of this."""
        return self.network.backbone.divisor

    @property
    def stride(self) -> int:
        """Input pixels from one cell of the finest map to the next."""
        return self.network.stride

    @property
    def most(self) -> int:
        """Most detections in an image."""
        return self.task.top_k

    @property
    def needs_its_scale(self) -> bool:
        """Whether depths hold only for images as large as in training: an object seen larger is nearer."""
        return getattr(getattr(self.task, "inner", self.task), "focal_px", None) == 0

    def deciding(self, **settings: Any) -> "Predictor":
        """The same predictor with other settings of its task: `top_k=300`.

        Raises:
            UsageError: The task has no such setting.
        """
        return replace(self, task=_deciding(self.task, settings))

    def maps(self, batch: Batch, *, flip: bool = False) -> Maps:
        """What the network gives for a batch that lies on its device.

        Args:
            batch: Inputs.
            flip: Show it their mirror images too, and merge both.
        """
        images = self.normalize(batch.images)
        if not flip:
            return self.network.last_maps(images)
        both = self.network.last_maps(torch.cat([images, images.flip(3)]))
        plain, flipped = ({name: value.chunk(2)[i] for name, value in both.items()} for i in range(2))
        return self.task.merge_flipped(plain, flipped)

    def detect(self, samples: Sequence[Sample], inference: Inference = PLAIN) -> list[Detections]:
        """Detections in images as read from their files, image pixels, best first.

        Args:
            samples: Images; their annotations are not looked at.
            inference: How often and how they are looked at.
        """
        return self.detect_prepared([prepare(one, self.rule, inference) for one in samples], inference)

    def detect_prepared(self, images: Sequence[Prepared], inference: Inference = PLAIN) -> list[Detections]:
        """The same of images that were prepared with the rule, for this way of looking."""
        looks = [
            self._look([image.inputs[number] for image in images], scale, inference)
            for number, scale in enumerate(inference.scales)
        ]
        merged = [_merged(of_one, inference, self.task.top_k) for of_one in zip(*looks, strict=True)]
        return [
            replace(_cut(one), image=image.sample.image) for one, image in zip(merged, images, strict=True)
        ]

    def explain(self, sample: Sample, least: float = 0.3) -> UInt8[np.ndarray, "h w 3"]:
        """A picture of what led to the detections in an image: heatmaps, points, and what was decided.

        Args:
            sample: The image.
            least: Detections, pairs of corners and centres with a lower score are not drawn.
        """
        shown = collate([resize(sample, self.rule)])
        with torch.inference_mode():
            maps = self.maps(shown.to(self.device))
            outputs = self.task.decode(maps, self.network.stride)
        columns = next(iter(maps.values())).shape[3]
        stretch = shown.images.shape[3] / (columns * self.network.stride)
        heatmaps = {
            name: value[0].float().sigmoid().cpu().numpy() for name, value in finest_heatmaps(maps).items()
        }
        image = np.ascontiguousarray(shown.images[0].permute(1, 2, 0).numpy())
        return draw_explanation(image, heatmaps, _reasons(outputs, least, stretch))

    def _look(self, inputs: Sequence[Sample], scale: float, inference: Inference) -> list["_Look"]:
        """What one size of the images shows; boxes may reach out of them."""
        shown = collate(inputs)
        with torch.inference_mode(), self._precision(inference.half):
            maps = self.maps(shown.to(self.device), flip=inference.flip)
            outputs = self.task.decode(maps, self.network.stride)
        if "centers" in outputs:
            check_cameras(shown.views)
        shown = _on_maps(shown, maps, self.network.stride)
        found = _in_images(outputs, shown, self.categories)
        if "pair_boxes" not in outputs:
            return [(one, None) for one in found]
        return list(zip(found, evidence_of(outputs, shown.views, scale), strict=True))

    def _precision(self, half: bool) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()


def _deciding(task: Any, settings: Mapping[str, Any]) -> Any:
    """The task with other settings, its own or those of the task inside it."""
    own = {item.name for item in fields(task)}
    mine = {key: value for key, value in settings.items() if key in own}
    others = {key: value for key, value in settings.items() if key not in own}
    if others and "inner" in own:
        mine["inner"] = _deciding(task.inner, others)
    elif others:
        raise UsageError(f"{min(others)} says nothing to these weights: leave it out")
    return replace(task, **mine)


def _reasons(outputs: Outputs, least: float, stretch: float) -> Reasons:
    """What the outputs of one image were decided by, in pixels of the input."""
    found = {name: value[0].float().cpu() for name, value in outputs.items()}
    kept = found["scores"] >= least
    boxes = found["boxes"][kept]
    rejected, regions = torch.zeros(0, 4), torch.zeros(0, 4)
    centers, center_labels = torch.zeros(0, 2), torch.zeros(0)
    if "pair_boxes" in found:
        pairs = found["pair_boxes"][found["pair_scores"] >= least]
        rejected = pairs[~(pairs[:, None] == boxes).all(dim=2).any(dim=1)]
        regions = middle_part(boxes)
        is_sure = found["center_scores"] >= least
        centers, center_labels = found["center_places"][is_sure], found["center_labels"][is_sure]
    keypoints = found.get("keypoints", torch.zeros(len(kept), 0, 3))[kept].clone()
    keypoints[..., :2] *= stretch
    return Reasons(
        boxes=(boxes * stretch).numpy(),
        labels=found["labels"][kept].long().numpy(),
        keypoints=keypoints.numpy(),
        rejected=(rejected * stretch).numpy(),
        regions=(regions * stretch).numpy(),
        centers=(centers * stretch).numpy(),
        center_labels=center_labels.long().numpy(),
    )


_Look = tuple[Detections, Evidence | None]
"""What a look shows, and what it was decided by where several looks decide together."""


def _merged(looks: Sequence[_Look], inference: Inference, top_k: int) -> Detections:
    """One answer of all looks at an image."""
    evidence = [one for _, one in looks if one is not None]
    first = looks[0][0]
    if not evidence:
        return inference.merge([found for found, _ in looks], top_k)
    boxes, scores, labels = decide(evidence, inference.scales)
    decided = Detections(
        boxes=boxes,
        scores=scores,
        labels=labels,
        categories=first.categories,
        name=first.name,
        image_size=first.image_size,
        image_id=first.image_id,
    )
    # Corners side by side make many boxes of one object: soft-NMS is a part of the method.
    return replace(inference, soft_nms=True).merge([decided], top_k)


def _on_maps(shown: Batch, maps: Maps, stride: int) -> Batch:
    """The same views, for inputs whose sides are no multiples of the stride.

    A map then has a cell for each `side / cells` pixels; what is read from it counts `stride` for each.
    """
    rows, columns = next(iter(maps.values())).shape[2:]
    height, width = shown.images.shape[2:]
    if (rows * stride, columns * stride) == (height, width):
        return shown
    stretch = np.diag([columns * stride / width, rows * stride / height, 1.0])
    views = (replace(view, input_from_image=stretch @ view.input_from_image) for view in shown.views)
    return replace(shown, views=tuple(views))


def check_cameras(views: Sequence[View]) -> None:
    """Raises a `UsageError` for a view without a camera: nothing can be placed in space by it."""
    for view in views:
        if view.camera is None:
            raise UsageError(
                f"{view.name}: boxes in 3D need the camera, image pixels from metres: pass camera=, or data "
                "that says it"
            )


def sample_of(
    image: UInt8[np.ndarray, "h w 3"], name: str, image_id: int = 0, camera: Camera | None = None
) -> Sample:
    """An image nothing is known about but perhaps its camera, ready for `Predictor.detect`."""
    size = (image.shape[0], image.shape[1])
    view = View(name=name, image_size=size, input_size=size, camera=camera)
    return Sample(image=image, annotations=Annotations.none(), view=view, image_id=image_id)


def detections_of(outputs: Outputs, batch: Batch, categories: Categories) -> list[Detections]:
    """Outputs in input pixels as one `Detections` an image, in image pixels and cut to the image.

    What fills up images that have fewer peaks than were asked for has score 0 and is left out.
    """
    return [_cut(one) for one in _in_images(outputs, batch, categories)]


def _in_images(outputs: Outputs, batch: Batch, categories: Categories) -> list[Detections]:
    boxes, scores, labels = (outputs[name].float().cpu().numpy() for name in ("boxes", "scores", "labels"))
    # Tasks without keypoints have objects with none.
    none = torch.zeros(*boxes.shape[:2], 0, 3)
    keypoints = outputs.get("keypoints", none).float().cpu().numpy()
    found = scores > 0
    solids = {
        name: outputs[name].float().cpu().numpy()
        for name in ("centers", "depth", "size3d", "alpha_rad", "focal_px")
        if name in outputs
    }
    return [
        Detections(
            boxes=_moved(boxes[i, found[i]], view),
            scores=scores[i, found[i]],
            labels=labels[i, found[i]].astype(np.int64),
            keypoints=_moved_keypoints(keypoints[i, found[i]], view, labels[i, found[i]], categories),
            categories=categories,
            name=view.name,
            image_size=view.image_size,
            image_id=image_id,
            **(placed({name: value[i, found[i]] for name, value in solids.items()}, view) if solids else {}),
        )
        for i, (view, image_id) in enumerate(zip(batch.views, batch.image_ids, strict=True))
    ]


def _moved(boxes: np.ndarray, view: View) -> np.ndarray:
    return transform_boxes(view.image_from_input, boxes.astype(np.float64)).astype(np.float32)


def _moved_keypoints(
    keypoints: np.ndarray, view: View, labels: np.ndarray, categories: Categories
) -> np.ndarray:
    """Keypoints in image pixels; what a class does not have stays zero."""
    counts = np.array(categories.num_keypoints)[labels.astype(int)]
    is_there = np.arange(keypoints.shape[1]) < counts[:, None]
    moved = keypoints.copy()
    moved[is_there, :2] = transform_points(view.image_from_input, keypoints[is_there, :2].astype(np.float64))
    return moved


def placed(solids: Mapping[str, np.ndarray], view: View) -> dict[str, Any]:
    """Boxes in space from what a task knows without the camera; NaN where the camera is not known.

    Args:
        solids: As in `protocols.Outputs`, of one image: `centers`, `depth`, `size3d`, `alpha_rad`, and
            `focal_px` where depths are told for a focal length.
        view: Of the image.

    Returns:
        `boxes3d`, `alpha_rad` and `camera` of `Detections`.
    """
    alpha, camera = solids["alpha_rad"], view.camera
    if camera is None:
        return {"alpha_rad": alpha}
    depth = solids["depth"].astype(np.float64)
    if "focal_px" in solids:
        depth *= abs(float((view.input_from_image @ camera)[0, 0])) / solids["focal_px"]
    pixels = transform_points(view.image_from_input, solids["centers"].astype(np.float64))
    size = solids["size3d"].astype(np.float64)
    places = unproject(camera, pixels, depth)
    # From the middle of the box down to the middle of its bottom.
    places[:, 1] += size[:, 0] / 2
    turns = rotation_from_alpha(camera, alpha.astype(np.float64), pixels[:, 0])
    boxes = np.concatenate([size, places, turns[:, None]], axis=1).astype(np.float32)
    return {"boxes3d": boxes, "alpha_rad": alpha, "camera": camera}


def _cut(detections: Detections) -> Detections:
    height, width = detections.image_size
    limit = np.array([width, height] * 2, dtype=np.float32)
    return replace(detections, boxes=np.clip(detections.boxes, 0, limit))
