"""Boxes that stand on the ground, as KITTI writes them: `(h, w, l, x, y, z, rotation_y)`, metres and radians.

Axes are those of the camera: x right, y down, z forward. `(x, y, z)` is the middle of the bottom, `h` goes up
from it, `l` lies along the heading and `w` across. `rotation_y` turns about y: at 0 the heading is +x, at
-π/2 it is +z, away from the camera. Source: Geiger et al. 2012, "Are we ready for autonomous driving?", and
the readme of the object development kit.
"""

import numpy as np
from jaxtyping import Float


def ground_corners(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 4 2"]:
    """Corners seen from above, `(x, z)`, in order round the box; the first is at the front, right of it."""
    signs = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])
    along, across = np.moveaxis(signs * boxes[:, None, [2, 1]] / 2, 2, 0)
    cosine, sine = np.cos(boxes[:, 6:]), np.sin(boxes[:, 6:])
    turned = [cosine * along + sine * across, cosine * across - sine * along]
    return np.stack(turned, axis=2) + boxes[:, None, [3, 5]]


def corners_of(boxes: Float[np.ndarray, "n 7"]) -> Float[np.ndarray, "n 8 3"]:
    """Corners, camera metres: those of the bottom in the order of `ground_corners`, then those above."""
    ground = ground_corners(boxes)
    bottom = np.stack([ground[..., 0], np.repeat(boxes[:, 4:5], 4, axis=1), ground[..., 1]], axis=2)
    top = bottom - boxes[:, None, [0]] * np.array([0.0, 1.0, 0.0])
    return np.concatenate([bottom, top], axis=1)


def intersections(
    first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """What the boxes of each pair share: the area seen from above, and the volume."""
    area = _ground_intersections(first, second)
    lowest = np.minimum(first[:, 4], second[:, 4])
    highest = np.maximum(first[:, 4] - first[:, 0], second[:, 4] - second[:, 0])
    # Down is positive, so the bottom has the larger y.
    return area, area * np.clip(lowest - highest, 0, None)


def ground_and_3d_iou(
    first: Float[np.ndarray, "n 7"], second: Float[np.ndarray, "n 7"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Intersection over union of the boxes of each pair: seen from above, and of the volumes."""
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
    """Area that the rectangles of each pair share.

    Seen by the second rectangle, which is upright there, the outline of the first is pushed into it: each of
    its points moves to the nearest one of the second. No point moves across the inside, so the pushed outline
    winds round the same points of the inside, and encloses what both share. Its area is Green's integral over
    straight pieces: sides are cut where they cross a line through a side of the second. Rounding moves the
    outline by as little as it moves a corner, so sides that coincide need no care.
    """
    corners = _seen_by(second, ground_corners(first))
    half = np.abs(second[:, None, [2, 1]]) / 2
    steps = np.roll(corners, -1, axis=1) - corners
    with np.errstate(divide="ignore", invalid="ignore"):
        cuts = np.concatenate([(half - corners) / steps, (-half - corners) / steps], axis=2)
    ends = np.zeros((len(first), 4, 1))
    # A side that does not move along an axis crosses nothing there: 0 / 0 is as good as any cut.
    cuts = np.nan_to_num(np.clip(cuts, 0, 1), nan=0)
    cuts = np.sort(np.concatenate([ends, cuts, ends + 1], axis=2), axis=2)
    path = corners[:, :, None] + cuts[..., None] * steps[:, :, None]
    along, across = np.moveaxis(np.clip(path, -half[:, None], half[:, None]), 3, 0)
    pieces = np.diff(along, axis=2) * (across[..., 1:] + across[..., :-1]) / 2
    return np.abs(pieces.sum(axis=(1, 2)))


def _seen_by(
    boxes: Float[np.ndarray, "n 7"], points: Float[np.ndarray, "n 4 2"]
) -> Float[np.ndarray, "n 4 2"]:
    """Points `(x, z)` as distances along the length of each box and across it, from its middle."""
    x, z = np.moveaxis(points - boxes[:, None, [3, 5]], 2, 0)
    cosine, sine = np.cos(boxes[:, 6:]), np.sin(boxes[:, 6:])
    return np.stack([cosine * x - sine * z, sine * x + cosine * z], axis=2)


def _over_union(shared: Float[np.ndarray, " n"], total: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return shared / np.maximum(total - shared, np.finfo(np.float64).tiny)
