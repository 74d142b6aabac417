"""From camera metres to image pixels and back.

A camera is KITTI's `P2`, `(3 4)`: image pixels from metres, for points right, down and forward of the camera.
Its fourth column says how far the camera stands from the origin of the metres; a camera of one's own is
`(3 3)` with a column of zeros. Source: Geiger et al. 2013, "Vision meets robotics", sec. IV.
"""

import numpy as np
from jaxtyping import Float

Camera = Float[np.ndarray, "3 4"]


def project(camera: Camera, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
    """Image pixels of points in camera metres; NaN of those that are not in front of the camera."""
    moved = points @ camera[:, :3].T + camera[:, 3]
    depth = np.where(moved[..., 2:] > 0, moved[..., 2:], np.nan)
    return moved[..., :2] / depth


def unproject(
    camera: Camera, pixels: Float[np.ndarray, "*n 2"], depth: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n 3"]:
    """Camera metres of image pixels whose depth from the camera is known.

    Args:
        camera: A camera whose third row looks along z, as a rectified camera's does.
        pixels: Places on the image.
        depth: Distance along the line of sight, as `project` divides by.
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
    """Heading about the vertical axis from the heading against the line of sight to a column of the image."""
    return wrap_to_pi(alpha_rad + np.arctan((x_px - camera[0, 2]) / camera[0, 0]))


def alpha_from_rotation(
    camera: Camera, rotation_y_rad: Float[np.ndarray, " n"], x_px: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The way back from `rotation_from_alpha`."""
    return wrap_to_pi(rotation_y_rad - np.arctan((x_px - camera[0, 2]) / camera[0, 0]))


def wrap_to_pi(angles_rad: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Angles between −π and π."""
    return np.where(np.abs(angles_rad) > np.pi, angles_rad - 2 * np.pi * np.sign(angles_rad), angles_rad)


def flipped_camera(camera: Camera, width: int) -> Camera:
    """The camera that sees the mirrored world as the mirrored image, `width` pixels wide."""
    image = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return image @ camera @ np.diag([-1.0, 1.0, 1.0, 1.0])


def flipped_boxes3d(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 7"]:
    """Boxes in the mirrored world: right becomes left, and headings turn with it."""
    mirrored = boxes * np.array([1, 1, 1, -1, 1, 1, 1], dtype=boxes.dtype)
    mirrored[:, 6] = flipped_angles(boxes[:, 6])
    return mirrored


def flipped_angles(angles_rad: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Headings in the mirrored world, `rotation_y` or alpha: 0, to the right, becomes π."""
    return wrap_to_pi(np.pi - angles_rad).astype(angles_rad.dtype)
