"""Synthetic roads with 3D boxes of road users, as seen by the camera of a car.

Axes as in `geometry.boxes3d`. The camera is level, 1.65 m above the road and faces along it, as KITTI's does.
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
"""The name of the mode of roads."""

GROUND_M = 1.65
"""Distance of the road below the camera."""

_NEAREST_M, _FURTHEST_M = 5.0, 55.0
_LOWEST_PX = 9.0
"""Smallest height of a placed object on the image."""

# Focal length, then the fourth column, of three KITTI cameras; for images 1242 pixels wide.
_CAMERAS = (
    (721.54, (44.857, 0.216, 0.00275)),
    (718.33, (45.382, -1.131, 0.00378)),
    (716.5, (44.26, 0.71, 0.00235)),
)
_PARTLY_HIDDEN, _MOSTLY_HIDDEN = 0.08, 0.5
"""Hidden fractions of an object from which KITTI's `occlusion` is 1, and 2."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Road:
    """A road before it is painted.

    Attributes:
        size: Rows and columns of the image.
        camera: Projection from camera metres to image pixels.
        cuboids: Road users, from the furthest to the nearest.
    """

    size: Size
    camera: Camera
    cuboids: tuple[Cuboid, ...]


def camera_like_kitti(size: Size, random: np.random.Generator) -> Camera:
    """A random one of KITTI's cameras, with its horizontal field of view, for an image of another size."""
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
    """A road with up to fourteen road users that do not overlap, most of them heading along it."""
    camera = camera_like_kitti(size, random)
    placed: list[Cuboid] = []
    for _ in range(int(random.integers(2, 15))):
        cuboid = _placed(size, camera, random)
        if not _touches(cuboid, placed):
            placed.append(cuboid)
    placed.sort(key=lambda cuboid: -float(cuboid.box3d[5]))
    return Road(size=size, camera=camera, cuboids=tuple(placed))


def render_road(
    scene: Road, max_hidden: float, noise: int, random: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w 3"], Annotations]:
    """Paint a road and derive the ground truth, with occlusion and truncation, from the same pixels.

    2D boxes are the bounds of the projected 3D corners, clipped to the image, nearly as KITTI's.

    Args:
        scene: The road.
        max_hidden: Objects of which a larger fraction is occluded or outside the image are left out of image
            and ground truth.
        noise: Largest change of a channel; 0: none.
        random: Random generator.

    Returns:
        The image and its annotations, nearest object last.
    """
    image = _background(scene, random)
    kept = visible(SceneLayout(size=scene.size, shapes=scene.cuboids), max_hidden)
    cuboids = [(item, silhouette) for item, silhouette in kept if isinstance(item, Cuboid)]
    for cuboid, silhouette in cuboids:
        cuboid.paint(image, silhouette, contrasting(np.full(3, 95.0), 1, random))
    return add_noise(image, noise, random), _ground_truth(scene, cuboids)


def _placed(size: Size, camera: Camera, random: np.random.Generator) -> Cuboid:
    label = int(random.choice(len(ROAD_CLASSES), p=(0.2, 0.6, 0.2)))
    model = ROAD_CLASSES[label]
    deviation = np.clip(random.normal(size=3), -2, 2) * model.deviation_m
    height_m, width_m, length_m = np.array(model.size_m) + deviation
    focal_px = float(camera[0, 0])
    furthest_m = max(min(_FURTHEST_M, focal_px * height_m / _LOWEST_PX), 2 * _NEAREST_M)
    # Uniform in the root of the distance, so that far objects do not prevail.
    depth_m = random.uniform(math.sqrt(_NEAREST_M), math.sqrt(furthest_m)) ** 2
    half_view_m = depth_m * size[1] / 2 / focal_px
    # Slightly wider than the view, so that some are cut by its border.
    x_m = random.uniform(-1.08, 1.08) * half_view_m
    box3d = np.array([height_m, width_m, length_m, x_m, GROUND_M, depth_m, _heading(label, x_m, random)])
    return Cuboid(box3d=box3d, camera=camera, label=label)


def _heading(label: int, x_m: float, random: np.random.Generator) -> float:
    """A random `rotation_y`: any for pedestrians, else mostly that of right-hand traffic."""
    if ROAD_CLASSES[label].name == "Pedestrian" or random.random() < 0.3:
        return float(random.uniform(-math.pi, math.pi))
    along = -math.pi / 2 if x_m > -1.5 else math.pi / 2
    return along + float(np.clip(random.normal(), -2, 2)) * 0.1


def _touches(cuboid: Cuboid, others: Sequence[Cuboid]) -> bool:
    """True if a cuboid overlaps another one, or nearly."""
    if not others:
        return False
    room_m = np.array([0, 0.4, 0.4, 0, 0, 0, 0])
    boxes = np.stack([other.box3d for other in others]) + room_m
    box = np.broadcast_to(cuboid.box3d + room_m, boxes.shape)
    return bool((ground_and_3d_iou(box, boxes)[0] > 1e-6).any())


def _ground_truth(scene: Road, cuboids: Sequence[tuple[Cuboid, Silhouette]]) -> Annotations:
    height, width = scene.size
    boxes3d = np.array([cuboid.box3d for cuboid, _ in cuboids]).reshape(-1, 7)
    corners = np.array([cuboid.corners_px for cuboid, _ in cuboids]).reshape(-1, 8, 2)
    bounds = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    boxes = np.clip(bounds, 0, np.array([width, height] * 2) - 1)
    middles = boxes3d[:, 3:6] - boxes3d[:, :1] / 2 * np.array([0.0, 1.0, 0.0])
    alpha = alpha_from_rotation(scene.camera, boxes3d[:, 6], project(scene.camera, middles)[:, 0])
    truncation, occlusion = _hidden(scene.size, [silhouette for _, silhouette in cuboids])
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
    """KITTI's `truncation` and `occlusion` of objects in order from the furthest to the nearest."""
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


def _background(scene: Road, random: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """A background of sky, fields, and a road with lane markings."""
    height, width = scene.size
    horizon = int(np.clip(round(float(scene.camera[1, 2])), 0, height))
    sky = np.array([random.integers(120, 190), random.integers(150, 210), random.integers(190, 250)])
    field = np.array([random.integers(70, 130), random.integers(90, 140), random.integers(40, 80)])
    image = np.empty((height, width, 3), dtype=np.uint8)
    image[:horizon], image[horizon:] = sky, field
    _skyline(image, horizon, random)
    left_m, right_m = -random.uniform(4, 9), random.uniform(4, 9)
    _strip(scene, image, (left_m, right_m), (3.0, 300.0), np.full(3, float(random.integers(80, 110))))
    for x_m in (left_m + 0.3, right_m - 0.3):
        _strip(scene, image, (x_m, x_m + 0.15), (3.0, 300.0), np.full(3, 215.0))
    start_m = random.uniform(0, 9)
    for dash in range(10):
        near_m = 3.0 + start_m + 9 * dash
        _strip(scene, image, (-1.6, -1.45), (near_m, near_m + 3), np.full(3, 215.0))
    return image


def _skyline(image: UInt8[np.ndarray, "h w 3"], horizon: int, random: np.random.Generator) -> None:
    """Rectangles on the horizon, for distant houses and trees."""
    width = image.shape[1]
    for _ in range(int(random.integers(4, 12))):
        left = int(random.integers(width))
        rows, columns = (int(side) for side in random.uniform(0.02, 0.14, size=2) * width)
        color = random.integers(40, 170, size=3).tolist()
        cv2.rectangle(image, (left, horizon - min(rows, horizon)), (left + columns, horizon), color, -1)


def _strip(
    scene: Road,
    image: UInt8[np.ndarray, "h w 3"],
    x_m: tuple[float, float],
    z_m: tuple[float, float],
    color: Float[np.ndarray, " 3"],
) -> None:
    """Paint a rectangle of the ground."""
    (left, right), (near, far) = x_m, z_m
    places = [(left, near), (right, near), (right, far), (left, far)]
    fill(image, project(scene.camera, np.array([(x, GROUND_M, z) for x, z in places])), color)
