"""The pinhole camera: projection from camera metres to image pixels, and back.

A camera is KITTI's projection matrix `P2`, `(3 4)`, for points in metres right, down and forward of the
camera. Its fourth column is the offset of the camera from the origin of those coordinates; a camera known
only by its intrinsics is that `(3 3)` matrix with a column of zeros. Source: Geiger et al. 2013, "Vision
meets robotics", sec. IV.
"""

import numpy as np
from jaxtyping import Float

Camera = Float[np.ndarray, "3 4"]


def project(camera: Camera, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """Image pixels of points in camera metres; NaN for points that are not in front of the camera."""
    moved = points @ camera[:, :3].T + camera[:, 3]
    depth = np.where(moved[..., 2:] > 0, moved[..., 2:], np.nan)
    return moved[..., :2] / depth


def unproject(
    camera: Camera, pixels: Float[np.ndarray, "*n 2"], depth: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n 3"]:
    """Camera metres of image pixels whose depth from the camera is known.

    Args:
        camera: A camera whose third row points along z, as a rectified camera's does.
        pixels: `(x, y)` of each point on the image.
        depth: Distance along the optical axis, which `project` divides by.
    """
    z = depth - camera[2, 3]
    x, y = (
        (pixels[..., axis] * depth - camera[axis, 3] - camera[axis, 2] * z) / camera[axis, axis]
        for axis in (0, 1)
    )
    return np.stack([x, y, z], axis=-1)


def rotation_from_alpha(
    camera: Camera, alpha_rad: Float[np.ndarray, " n"], x_px: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """`rotation_y` from the observation angle alpha of objects in some columns of the image."""
    return wrap_to_pi(alpha_rad + np.arctan((x_px - camera[0, 2]) / camera[0, 0]))


def alpha_from_rotation(
    camera: Camera, rotation_y_rad: Float[np.ndarray, " n"], x_px: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Observation angle alpha from `rotation_y`: the inverse of `rotation_from_alpha`."""
    return wrap_to_pi(rotation_y_rad - np.arctan((x_px - camera[0, 2]) / camera[0, 0]))


def wrap_to_pi(angles_rad: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Angles moved into -π to π by at most one turn."""
    return np.where(np.abs(angles_rad) > np.pi, angles_rad - 2 * np.pi * np.sign(angles_rad), angles_rad)


def flipped_boxes3d(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 7"]:
    """3D boxes after a horizontal flip: right becomes left, and headings turn with it."""
    flipped = boxes * np.array([1, 1, 1, -1, 1, 1, 1], dtype=boxes.dtype)
    flipped[:, 6] = flipped_angles(boxes[:, 6])
    return flipped


def flipped_angles(angles_rad: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Headings, `rotation_y` or alpha, after a horizontal flip: 0, to the right, becomes π."""
    return wrap_to_pi(np.pi - angles_rad).astype(angles_rad.dtype)
