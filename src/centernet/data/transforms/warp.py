"""Image, boxes and keypoints transformed together by one affine matrix."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from centernet.data.transforms.crop_resize import crop_resize
from centernet.geometry.affine import (
    Matrix,
    scaled_size,
    transform_boxes,
    transform_points,
    warp_image,
)
from centernet.geometry.camera import flipped_angles, flipped_boxes3d
from centernet.geometry.resize import PadBelowMultiple, ResizeRule, Size
from centernet.structures import Sample

FlipIndices = Sequence[Sequence[int]]
"""The keypoints that a horizontal flip exchanges, class by class: `Categories.flip_indices`. Empty: none."""


def warp_sample(
    sample: Sample,
    input_size: Size,
    input_from_image: Matrix,
    first_scale: float = 1.0,
    flip_indices: FlipIndices = (),
    *,
    whole_pixels: bool = False,
) -> Sample:
    """A sample, as read from its file, transformed into the network's input.

    Keypoints outside the input are no longer labelled, as in the original. A flip exchanges left and right in
    3D too: 3D boxes are flipped, and the camera projects the flipped coordinates.

    Args:
        sample: Image and input are the same frame.
        input_size: Rows and columns of the input.
        input_from_image: The transform. If it flips, left and right keypoints are exchanged.
        first_scale: See `warp_image`.
        flip_indices: The keypoints that a flip exchanges.
        whole_pixels: Move the transform by up to about half a pixel so that it is a crop and a resize, which
            takes half the time, unless it rotates: see `crop_resize`. The view states what was done.
    """
    crop = crop_resize(input_from_image, sample.view.image_size, input_size) if whole_pixels else None
    if crop is None:
        image = warp_image(sample.image, input_from_image, input_size, first_scale)
    else:
        image, input_from_image = crop(sample.image), crop.input_from_image
    annotations, camera = sample.annotations, sample.view.camera
    if np.linalg.det(input_from_image[:2, :2]) < 0:
        annotations = replace(
            annotations,
            boxes3d=flipped_boxes3d(annotations.boxes3d),
            alpha_rad=flipped_angles(annotations.alpha_rad),
        )
        camera = None if camera is None else camera @ np.diag([-1.0, 1.0, 1.0, 1.0])
    keypoints = _move_keypoints(annotations.keypoints, input_from_image, input_size)
    if keypoints.size and len(flip_indices) and np.linalg.det(input_from_image[:2, :2]) < 0:
        order = np.array(flip_indices)[annotations.labels]
        keypoints = np.take_along_axis(keypoints, order[..., None], axis=1)
    return replace(
        sample,
        image=image,
        annotations=replace(
            annotations,
            boxes=transform_boxes(input_from_image, annotations.boxes).astype(np.float32),
            keypoints=keypoints,
        ),
        view=replace(sample.view, input_size=input_size, input_from_image=input_from_image, camera=camera),
    )


def _move_keypoints(
    keypoints: Float[np.ndarray, "n k 3"], input_from_image: Matrix, input_size: Size
) -> Float[np.ndarray, "n k 3"]:
    places = transform_points(input_from_image, keypoints[..., :2].reshape(-1, 2)).astype(np.float32)
    places = places.reshape(*keypoints.shape[:2], 2)
    is_inside = ((places >= 0) & (places < input_size[::-1])).all(axis=-1, keepdims=True)
    visibility = keypoints[..., 2:]
    return np.where(is_inside & (visibility > 0), np.concatenate([places, visibility], axis=-1), 0)


def resize(sample: Sample, rule: ResizeRule, scale: float = 1.0, *, exact: bool = False) -> Sample:
    """The whole image under a resize rule, as for validation and prediction.

    Args:
        sample: As read from its file.
        rule: The resize rule.
        scale: Factor by which the image is larger than under the rule alone.
        exact: Blank the last row or column where the original loses it: see `PadBelowMultiple`.
    """
    input_size, input_from_image = rule(sample.view.image_size, scale)
    resized = warp_sample(sample, input_size, input_from_image, scale)
    if not (exact and isinstance(rule, PadBelowMultiple)):
        return resized
    image = resized.image.copy()
    height, width = scaled_size(sample.view.image_size, scale)
    if height == input_size[0]:
        image[-1] = 0
    if width == input_size[1]:
        image[:, -1] = 0
    return replace(resized, image=image)
