"""From outputs in input pixels to detections in images: plain arrays, of networks and of exported files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.affine import transform_boxes, transform_points
from centernet.geometry.camera import rotation_from_alpha, unproject
from centernet.inference.options import InferenceOptions
from centernet.inference.scale_merging import merge_detections, suppress
from centernet.structures import Categories, Sample, View
from centernet.structures.outputs import OutputSpec, values_by_role
from centernet.tasks.triplet.multi_scale import Candidates, candidates_of, merge_candidates

PLAIN = InferenceOptions()
"""One scale, and no test-time augmentation."""

Found = Mapping[str, np.ndarray]
"""`protocols.Outputs` as arrays."""

ScaleResult = tuple[Detections, Candidates | None]
"""Detections of an image at one scale; and the candidates, if scales are merged by these."""


def detections_at_scale(
    found: Found,
    outputs: Mapping[str, OutputSpec],
    views: Sequence[View],
    image_ids: Sequence[int],
    categories: Categories,
    *,
    scale: float = 1.0,
) -> list[ScaleResult]:
    """The detections of one scale, image pixels; boxes may reach out of the images.

    Args:
        found: Input pixels.
        outputs: Declaration of what is in `found`.
        views: How the images were resized.
        image_ids: The data set's own ids.
        categories: What labels mean.
        scale: Size of the resized images as a fraction of what the rule gives by itself.

    Raises:
        UsageError: 3D boxes are found in an image whose camera is not known.
    """
    if "center3d" in values_by_role(found, outputs):
        check_cameras(views)
    detections = to_image_pixels(found, outputs, views, image_ids, categories)
    pairs, centers = (values_by_role(found, outputs, group) for group in ("pairs", "centers"))
    if not pairs:
        return [(one, None) for one in detections]
    return list(zip(detections, candidates_of(pairs, centers, views, scale), strict=True))


def merge_scales(
    per_scale: Sequence[Sequence[ScaleResult]],
    samples: Sequence[Sample],
    inference: InferenceOptions,
    top_k: int,
) -> list[Detections]:
    """The detections of each image, merged over scales and clipped to the image, which they carry.

    Args:
        per_scale: Detections of each scale, image by image.
        samples: The images.
        inference: Scales and NMS.
        top_k: Maximum number of detections per image.
    """
    merged = [_merged(of_one, inference, top_k) for of_one in zip(*per_scale, strict=True)]
    return [
        replace(clip_to_image(one), image=sample.image) for one, sample in zip(merged, samples, strict=True)
    ]


def _merged(per_scale: Sequence[ScaleResult], inference: InferenceOptions, top_k: int) -> Detections:
    """The detections of one image, merged over scales."""
    candidates = [one for _, one in per_scale if one is not None]
    first = per_scale[0][0]
    if not candidates:
        return merge_detections([found for found, _ in per_scale], inference, top_k)
    confirmed = merge_candidates(candidates, inference.scales)
    detections = Detections(
        boxes=confirmed.boxes,
        scores=confirmed.scores,
        labels=confirmed.labels,
        categories=first.categories,
        name=first.name,
        image_size=first.image_size,
        image_id=first.image_id,
    )
    # Neighbouring corners make many boxes of one object: soft-NMS is a part of the method.
    return suppress(detections, inference, top_k, confirmed.corner_scores)


def correct_for_padding(
    views: Sequence[View], input_size: tuple[int, int], cells: tuple[int, int], stride: int
) -> tuple[View, ...]:
    """The views corrected for inputs whose sides are no multiples of the stride.

    A cell of the map is then `side / cells` pixels wide, while decoding counts `stride` pixels per cell.

    Args:
        views: How the images were resized.
        input_size: Rows and columns of the input.
        cells: Rows and columns of the finest map.
        stride: Input pixels per cell in decoding.
    """
    (height, width), (rows, columns) = input_size, cells
    stretch = np.diag([columns * stride / width, rows * stride / height, 1.0])
    if (stretch == np.eye(3)).all():
        return tuple(views)
    return tuple(replace(view, input_from_image=stretch @ view.input_from_image) for view in views)


def check_cameras(views: Sequence[View]) -> None:
    """Raises a `UsageError` for a view without a camera, which 3D boxes need."""
    for view in views:
        if view.camera is None:
            raise UsageError(
                f"{view.name}: 3D boxes need the camera, image pixels from metres: pass camera=, or data "
                "that has it"
            )


def to_image_pixels(
    found: Found,
    outputs: Mapping[str, OutputSpec],
    views: Sequence[View],
    image_ids: Sequence[int],
    categories: Categories,
) -> list[Detections]:
    """Outputs in input pixels as one `Detections` per image, in image pixels.

    Rows that pad images with fewer peaks than `top_k` have score 0 and are left out.

    Args:
        found: Input pixels.
        outputs: Declaration of what is in `found`.
        views: How the images were resized.
        image_ids: The data set's own ids.
        categories: What labels mean.
    """
    roles = values_by_role(found, outputs)
    boxes, scores, labels = (roles.pop(role) for role in ("location", "score", "label"))
    # Tasks without keypoints have objects with none.
    keypoints = roles.pop("keypoints", np.zeros((*boxes.shape[:2], 0, 3), np.float32))
    kept = scores > 0
    return [
        Detections(
            boxes=_moved(boxes[i, kept[i]], view),
            scores=scores[i, kept[i]],
            labels=labels[i, kept[i]].astype(np.int64),
            keypoints=_moved_keypoints(keypoints[i, kept[i]], view, labels[i, kept[i]], categories),
            categories=categories,
            name=view.name,
            image_size=view.image_size,
            image_id=image_id,
            **boxes3d_of({role: value[i, kept[i]] for role, value in roles.items()}, view),
        )
        for i, (view, image_id) in enumerate(zip(views, image_ids, strict=True))
    ]


def _moved(boxes: np.ndarray, view: View) -> np.ndarray:
    return transform_boxes(view.image_from_input, boxes.astype(np.float64)).astype(np.float32)


def _moved_keypoints(
    keypoints: np.ndarray, view: View, labels: np.ndarray, categories: Categories
) -> np.ndarray:
    """Keypoints in image pixels; those that a class does not have stay zero."""
    counts = np.array(categories.num_keypoints)[labels.astype(int)]
    exists = np.arange(keypoints.shape[1]) < counts[:, None]
    moved = keypoints.copy()
    moved[exists, :2] = transform_points(view.image_from_input, keypoints[exists, :2].astype(np.float64))
    return moved


def boxes3d_of(roles: Mapping[str, np.ndarray], view: View) -> dict[str, Any]:
    """3D boxes from what a task knows without the camera.

    Args:
        roles: Of the objects of one image, as in `OutputSpec.role`: `center3d`, `depth`, `size3d`, `alpha`,
            and `focal` if depths are relative to a focal length.
        view: Of the image.

    Returns:
        `boxes3d`, `alpha_rad` and `camera` of `Detections`; without a camera `alpha_rad` alone, and nothing
        for tasks that predict no 3D boxes.
    """
    if "center3d" not in roles:
        return {}
    alpha, camera = roles["alpha"], view.camera
    if camera is None:
        return {"alpha_rad": alpha}
    depth = roles["depth"].astype(np.float64)
    if "focal" in roles:
        depth *= abs(float((view.input_from_image @ camera)[0, 0])) / roles["focal"]
    pixels = transform_points(view.image_from_input, roles["center3d"].astype(np.float64))
    size = roles["size3d"].astype(np.float64)
    places = unproject(camera, pixels, depth)
    # From the centre of the box down to the centre of its bottom.
    places[:, 1] += size[:, 0] / 2
    turns = rotation_from_alpha(camera, alpha.astype(np.float64), pixels[:, 0])
    boxes = np.concatenate([size, places, turns[:, None]], axis=1).astype(np.float32)
    return {"boxes3d": boxes, "alpha_rad": alpha, "camera": camera}


def clip_to_image(detections: Detections) -> Detections:
    """The detections with boxes clipped to the image."""
    height, width = detections.image_size
    limit = np.array([width, height] * 2, dtype=np.float32)
    return replace(detections, boxes=np.clip(detections.boxes, 0, limit))
