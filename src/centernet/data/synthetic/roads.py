"""Roads seen by one camera, as a car sees them: what stands on them in metres, and what it looks like.

Axes as in `geometry.boxes3d`. The camera looks level, along the road, from 1.65 m above it, as KITTI's does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.data.synthetic.cuboids import ROAD_CLASSES, Cuboid, fill
from centernet.data.synthetic.layouts import SceneLayout, Size
from centernet.data.synthetic.painting import add_noise, contrasting, visible
from centernet.data.synthetic.shapes import Silhouette
from centernet.geometry.boxes3d import ground_and_3d_iou
from centernet.geometry.camera import Camera, alpha_from_rotation, project
from centernet.structures import Annotations

ROADS = "roads"
"""The name of the mode that shows roads with 3D boxes."""

GROUND_M = 1.65
"""How far below the camera the road lies."""

_NEAREST_M, _FURTHEST_M = 5.0, 55.0
_LOWEST_PX = 9.0
"""Objects that are seen less high than this are not placed."""

# Focal length, then the fourth column, of three of KITTI's cameras; for images 1242 pixels wide.
_CAMERAS = (
    (721.54, (44.857, 0.216, 0.00275)),
    (718.33, (45.382, -1.131, 0.00378)),
    (716.5, (44.26, 0.71, 0.00235)),
)
_PARTLY_HIDDEN, _MOSTLY_HIDDEN = 0.08, 0.5
"""Shares of an object that is hidden, from which KITTI's `occlusion` is 1, and 2."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Road:
    """A road before it is painted.

    Attributes:
        size: Rows and columns of the image.
        camera: Image pixels from camera metres.
        cuboids: What stands on it, from the furthest to the nearest.
    """

    size: Size
    camera: Camera
    cuboids: tuple[Cuboid, ...]


def camera_like_kitti(size: Size, random: np.random.Generator) -> Camera:
    """One of KITTI's cameras for an image of another size: the same angle of view from side to side."""
    focal_px, column = _CAMERAS[int(random.integers(len(_CAMERAS)))]
    height, width = size
    scale = width / 1242
    return np.array(
        [
            [focal_px * scale, 0.0, 0.49 * width, column[0] * scale],
            [0.0, focal_px * scale, 0.46 * height, column[1] * scale],
            [0.0, 0.0, 1.0, column[2]],
        ]
    )


def road(size: Size, random: np.random.Generator) -> Road:
    """Up to fourteen road users, none of them inside another: most along the road, others anywhere."""
    camera = camera_like_kitti(size, random)
    placed: list[Cuboid] = []
    for _ in range(int(random.integers(2, 15))):
        cuboid = _placed(size, camera, random)
        if not _touches(cuboid, placed):
            placed.append(cuboid)
    placed.sort(key=lambda cuboid: -float(cuboid.box3d[5]))
    return Road(size=size, camera=camera, cuboids=tuple(placed))


def render_road(
    shown: Road, max_hidden: float, noise: int, random: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], Annotations]:
    """Paint a road; which of its users hide each other, and how much, comes from the same pixels.

    Boxes are those of the corners in space, cut to the image, as KITTI's nearly are.

    Args:
        shown: What is to be seen.
        max_hidden: Leave out of image and truth what is hidden more than this share, or outside.
        noise: Largest change of a channel; 0: none.
        random: Chance.

    Returns:
        The image and its objects, nearest last.
    """
    image = _background(shown, random)
    parts = visible(SceneLayout(size=shown.size, shapes=shown.cuboids), max_hidden)
    cuboids = [(thing, silhouette) for thing, silhouette in parts if isinstance(thing, Cuboid)]
    for cuboid, silhouette in cuboids:
        cuboid.paint(image, silhouette, contrasting(np.full(3, 95.0), 1, random))
    return add_noise(image, noise, random), _ground_truth(shown, cuboids)


def _placed(size: Size, camera: Camera, random: np.random.Generator) -> Cuboid:
    label = int(random.choice(len(ROAD_CLASSES), p=(0.2, 0.6, 0.2)))
    model = ROAD_CLASSES[label]
    deviation = np.clip(random.normal(size=3), -2, 2) * model.deviation_m
    height_m, width_m, length_m = np.array(model.size_m) + deviation
    focal_px = float(camera[0, 0])
    furthest_m = max(min(_FURTHEST_M, focal_px * height_m / _LOWEST_PX), 2 * _NEAREST_M)
    # As many near as far: evenly in the root of the distance.
    depth_m = random.uniform(math.sqrt(_NEAREST_M), math.sqrt(furthest_m)) ** 2
    half_view_m = depth_m * size[1] / 2 / focal_px
    # A little beyond the view, so that some are cut by its border.
    x_m = random.uniform(-1.08, 1.08) * half_view_m
    box3d = np.array([height_m, width_m, length_m, x_m, GROUND_M, depth_m, _heading(label, x_m, random)])
    return Cuboid(box3d=box3d, camera=camera, label=label)


def _heading(label: int, x_m: float, random: np.random.Generator) -> float:
    """`rotation_y`: cars and cyclists keep to the right of the road, most of them; people go anywhere."""
    if ROAD_CLASSES[label].name == "Pedestrian" or random.random() < 0.3:
        return float(random.uniform(-math.pi, math.pi))
    along = -math.pi / 2 if x_m > -1.5 else math.pi / 2
    return along + float(np.clip(random.normal(), -2, 2)) * 0.1


def _touches(cuboid: Cuboid, others: Sequence[Cuboid]) -> bool:
    """Whether it stands in another one, or nearly."""
    if not others:
        return False
    room_m = np.array([0, 0.4, 0.4, 0, 0, 0, 0])
    boxes = np.stack([other.box3d for other in others]) + room_m
    mine = np.broadcast_to(cuboid.box3d + room_m, boxes.shape)
    return bool((ground_and_3d_iou(mine, boxes)[0] > 1e-6).any())


def _ground_truth(shown: Road, cuboids: Sequence[tuple[Cuboid, Silhouette]]) -> Annotations:
    height, width = shown.size
    boxes3d = np.array([cuboid.box3d for cuboid, _ in cuboids]).reshape(-1, 7)
    corners = np.array([cuboid.corners_px for cuboid, _ in cuboids]).reshape(-1, 8, 2)
    hulls = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    boxes = np.clip(hulls, 0, np.array([width, height] * 2) - 1)
    middles = boxes3d[:, 3:6] - boxes3d[:, :1] / 2 * np.array([0.0, 1.0, 0.0])
    alpha = alpha_from_rotation(shown.camera, boxes3d[:, 6], project(shown.camera, middles)[:, 0])
    truncation, occlusion = _hidden(shown.size, [silhouette for _, silhouette in cuboids])
    labels = np.array([cuboid.label for cuboid, _ in cuboids], dtype=np.int64)
    return replace(
        Annotations.of(boxes.astype(np.float32), labels),
        boxes3d=boxes3d.astype(np.float32),
        alpha_rad=alpha.astype(np.float32),
        truncation=truncation,
        occlusion=occlusion,
    )


def _hidden(
    size: Size, silhouettes: Sequence[Silhouette]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """KITTI's `truncation` and `occlusion` of things from the furthest to the nearest."""
    free = np.ones(size, dtype=bool)
    truncation, occlusion = np.zeros((2, len(silhouettes)), dtype=np.float32)
    for number, silhouette in reversed(list(enumerate(silhouettes))):
        rows, columns, mask = silhouette.inside(size)
        inside = max(int(mask.sum()), 1)
        hidden = 1 - int((mask & free[rows, columns]).sum()) / inside
        truncation[number] = 1 - inside / int(silhouette.mask.sum())
        occlusion[number] = (hidden >= _PARTLY_HIDDEN) + (hidden >= _MOSTLY_HIDDEN)
        free[rows, columns] &= ~mask
    return truncation, occlusion


def _background(shown: Road, random: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Sky, fields, and a road with its lines."""
    height, width = shown.size
    horizon = int(np.clip(round(float(shown.camera[1, 2])), 0, height))
    sky = np.array([random.integers(120, 190), random.integers(150, 210), random.integers(190, 250)])
    field = np.array([random.integers(70, 130), random.integers(90, 140), random.integers(40, 80)])
    image = np.empty((height, width, 3), dtype=np.uint8)
    image[:horizon], image[horizon:] = sky, field
    _skyline(image, horizon, random)
    left_m, right_m = -random.uniform(4, 9), random.uniform(4, 9)
    _strip(shown, image, (left_m, right_m), (3.0, 300.0), np.full(3, float(random.integers(80, 110))))
    for x_m in (left_m + 0.3, right_m - 0.3):
        _strip(shown, image, (x_m, x_m + 0.15), (3.0, 300.0), np.full(3, 215.0))
    start_m = random.uniform(0, 9)
    for dash in range(10):
        near_m = 3.0 + start_m + 9 * dash
        _strip(shown, image, (-1.6, -1.45), (near_m, near_m + 3), np.full(3, 215.0))
    return image


def _skyline(image: UInt8[np.ndarray, "h w 3"], horizon: int, random: np.random.Generator) -> None:
    """Houses and trees on the horizon, too far away to tell anything by."""
    width = image.shape[1]
    for _ in range(int(random.integers(4, 12))):
        left = int(random.integers(width))
        rows, columns = (int(side) for side in random.uniform(0.02, 0.14, size=2) * width)
        color = random.integers(40, 170, size=3).tolist()
        cv2.rectangle(image, (left, horizon - min(rows, horizon)), (left + columns, horizon), color, -1)


def _strip(
    shown: Road,
    image: UInt8[np.ndarray, "h w 3"],
    x_m: tuple[float, float],
    z_m: tuple[float, float],
    color: Float[np.ndarray, " 3"],
) -> None:
    """Paint a part of the ground."""
    (left, right), (near, far) = x_m, z_m
    places = [(left, near), (right, near), (right, far), (left, far)]
    fill(image, project(shown.camera, np.array([(x, GROUND_M, z) for x, z in places])), color)
