"""3D boxes in KITTI's parametrisation: `(h, w, l, x, y, z, rotation_y)`, metres and radians.

Axes are those of the camera: x right, y down, z forward. `(x, y, z)` is the middle of the bottom face, `h`
goes up from it, `l` is measured along the heading and `w` across. `rotation_y` turns about y: at 0 the
heading is +x, at -π/2 it is +z, away from the camera. Source: Geiger et al. 2012, "Are we ready for
autonomous driving?", and the readme of the object development kit.
"""

import numpy as np
from jaxtyping import Float


def ground_corners(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 4 2"]:
    """Corners in bird's-eye view, `(x, z)`, in order round the box; the first is the front right one."""
    signs = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])
    along, across = np.moveaxis(signs * boxes[:, None, [2, 1]] / 2, 2, 0)
    cosine, sine = np.cos(boxes[:, 6:]), np.sin(boxes[:, 6:])
    rotated = [cosine * along + sine * across, cosine * across - sine * along]
    return np.stack(rotated, axis=2) + boxes[:, None, [3, 5]]


def corners_of(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 8 3"]:
    """Corners in camera metres: the bottom face in the order of `ground_corners`, then the top face."""
    ground = ground_corners(boxes)
    bottom = np.stack([ground[..., 0], np.repeat(boxes[:, 4:5], 4, axis=1), ground[..., 1]], axis=2)
    top = bottom - boxes[:, None, [0]] * np.array([0.0, 1.0, 0.0])
    return np.concatenate([bottom, top], axis=1)


def intersections(
    first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Intersection of the two boxes of each pair: area in bird's-eye view, and volume."""
    area = _ground_intersections(first, second)
    lowest = np.minimum(first[:, 4], second[:, 4])
    highest = np.maximum(first[:, 4] - first[:, 0], second[:, 4] - second[:, 0])
    # Down is positive, so the bottom has the larger y.
    return area, area * np.clip(lowest - highest, 0, None)


def ground_and_3d_iou(
    first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Intersection over union of the two boxes of each pair: in bird's-eye view, and in 3D."""
    area, volume = intersections(first, second)
    areas = ground_areas(first) + ground_areas(second)
    return _over_union(area, areas), _over_union(volume, volumes(first) + volumes(second))


def ground_areas(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, " n"]:
    """Width times length."""
    return boxes[:, 1] * boxes[:, 2]


def volumes(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, " n"]:
    """Height times width times length."""
    return boxes[:, 0] * boxes[:, 1] * boxes[:, 2]


def _ground_intersections(
    first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]
) -> Float[np.ndarray, " n"]:
    """Intersection area of the two rectangles of each pair.

    In the frame of the second rectangle, where that one is axis-aligned, the outline of the first is
    projected onto it: each point moves to the nearest one of the second. No point moves across the inside, so
    the projected outline winds round the same inner points, and encloses the intersection. Its area is
    Green's integral over straight pieces: sides are cut where they cross a line through a side of the second.
    Rounding moves the outline by as little as it moves a corner, so sides that coincide need no special case.
    """
    corners = _in_box_frame(second, ground_corners(first))
    half = np.abs(second[:, None, [2, 1]]) / 2
    steps = np.roll(corners, -1, axis=1) - corners
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = np.concatenate([(half - corners) / steps, (-half - corners) / steps], axis=2)
    ends = np.zeros((len(first), 4, 1))
    # A side parallel to an axis crosses no line there: any cut will do in place of 0 / 0.
    cuts = np.nan_to_num(np.clip(cuts, 0, 1), nan=0)
    cuts = np.sort(np.concatenate([ends, cuts, ends + 1], axis=2), axis=2)
    path = corners[:, :, None] + cuts[..., None] * steps[:, :, None]
    along, across = np.moveaxis(np.clip(path, -half[:, None], half[:, None]), 3, 0)
    pieces = np.diff(along, axis=2) * (across[..., 1:] + across[..., :-1]) / 2
    return np.abs(pieces.sum(axis=(1, 2)))


def _in_box_frame(
    boxes: Float[np.ndarray, "n 7"], points: Float[np.ndarray, "n 4 2"]
) -> Float[np.ndarray, "n 4 2"]:
    """Points `(x, z)` in the frame of each box: distances from its middle, along its length and across."""
    x, z = np.moveaxis(points - boxes[:, None, [3, 5]], 2, 0)
    cosine, sine = np.cos(boxes[:, 6:]), np.sin(boxes[:, 6:])
    return np.stack([cosine * x - sine * z, sine * x + cosine * z], axis=2)


def _over_union(
    intersection: Float[np.ndarray, " n"], total: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    return intersection / np.maximum(total - intersection, np.finfo(np.float64).tiny)
