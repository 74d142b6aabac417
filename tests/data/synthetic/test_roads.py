"""Roads with 3D boxes."""

from dataclasses import replace

import numpy as np
import pytest

from centernet.data.synthetic import ROADS, Scenes, generate
from centernet.data.synthetic.cuboids import ROAD_CLASSES, Cuboid
from centernet.data.synthetic.roads import GROUND_M, Road, render_road
from centernet.errors import UsageError
from centernet.geometry.boxes3d import corners_of, ground_and_3d_iou
from centernet.geometry.camera import project
from centernet.structures import Annotations, Sample

SIZE = (128, 416)
CAMERA = np.array([[200.0, 0, 208, 12], [0, 200, 60, 0.1], [0, 0, 1, 0.003]])
CAR = 1


def roads(count: int = 30) -> list[Sample]:
    return list(generate(count, mode=ROADS, size=SIZE))


def car(x_m: float, z_m: float, rotation_y: float = 0.0) -> Cuboid:
    return Cuboid(box3d=np.array([1.5, 1.6, 4.0, x_m, GROUND_M, z_m, rotation_y]), camera=CAMERA, label=CAR)


def painted(*cuboids: Cuboid, noise: int = 0, max_hidden: float = 0.99) -> tuple[np.ndarray, Annotations]:
    """A road with these cars, the furthest first."""
    random = np.random.Generator(np.random.PCG64(0))
    return render_road(Road(size=SIZE, camera=CAMERA, cuboids=cuboids), max_hidden, noise, random)


def test_boxes_are_bounds_of_the_projected_corners_clipped_to_the_image() -> None:
    for sample in roads():
        corners = corners_of(sample.annotations.boxes3d.astype(float))
        pixels = project(sample.view.camera, corners)
        hulls = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
        np.testing.assert_allclose(
            sample.annotations.boxes, np.clip(hulls, 0, [415, 127, 415, 127]), atol=0.01
        )


def test_cameras_are_those_of_kitti() -> None:
    cameras = np.array([sample.view.camera for sample in roads()])

    assert len(np.unique(cameras[:, 0, 0])) == 3
    np.testing.assert_allclose(cameras[:, 0, 0], 0.58 * 416, rtol=0.01)
    assert (cameras[:, :, 3] != 0).all()
    np.testing.assert_array_equal(cameras[:, 2, :3], np.tile([0, 0, 1], (30, 1)))


def test_road_users_have_the_size_of_their_class_and_do_not_overlap_on_the_road() -> None:
    for sample in roads():
        boxes = sample.annotations.boxes3d.astype(float)
        means = np.array([ROAD_CLASSES[label].size_m for label in sample.annotations.labels]).reshape(-1, 3)
        assert (np.abs(boxes[:, :3] - means) <= 0.85).all()
        assert (boxes[:, 4] == np.float32(GROUND_M)).all()
        for number in range(1, len(boxes)):
            others = boxes[:number]
            box = np.broadcast_to(boxes[number], others.shape)
            assert (ground_and_3d_iou(box, others)[0] < 1e-6).all()


def test_alpha_follows_from_rotation_and_position() -> None:
    _, annotations = painted(car(0.0, 10.0, 0.3), car(4.0, 10.0, 0.3))

    # The pixel is at (200 x + 208 z + 12) / (z + 0.003), and straight ahead is 208.
    ray_rad = np.arctan2(np.array([0.0, 4.0]) + (12 - 208 * 0.003) / 200, 10.003)
    np.testing.assert_allclose(annotations.alpha_rad, 0.3 - ray_rad, atol=1e-5)


def test_a_car_behind_a_nearer_one_is_occluded() -> None:
    _, annotations = painted(car(0.0, 30.0), car(0.0, 15.0), car(9.0, 15.0))

    assert annotations.occlusion.tolist() == [2, 0, 0]


def test_a_car_half_outside_is_truncated_by_half() -> None:
    # Seen from its right side: from 6.4 m to 10.4 m to the right, and the view ends at 10 m · 208 / 200.
    edge_m = 15.0 * 207.5 / 200
    _, annotations = painted(car(edge_m, 15.0), car(0.0, 15.0))

    assert annotations.truncation.tolist() == pytest.approx([0.5, 0.0], abs=0.06)
    assert annotations.boxes[0, 2] == 415


def test_an_object_hidden_too_much_is_neither_painted_nor_annotated() -> None:
    image, annotations = painted(car(0.0, 30.0), car(0.0, 15.0), max_hidden=0.5)
    alone, _ = painted(car(0.0, 15.0), max_hidden=0.5)

    assert len(annotations) == 1
    np.testing.assert_array_equal(image, alone)


def test_the_heading_of_a_car_is_visible() -> None:
    away, _ = painted(car(0.0, 12.0, -np.pi / 2))
    towards, _ = painted(car(0.0, 12.0, np.pi / 2))

    def is_red(image: np.ndarray) -> np.ndarray:
        red, green, blue = np.moveaxis(image.astype(int), 2, 0)
        return (red > green + blue) & (red > 110)

    assert is_red(away).sum() > 20
    assert is_red(towards).sum() == 0


def test_without_noise_the_same_face_has_one_colour() -> None:
    image, annotations = painted(car(0.0, 12.0))
    noisy, _ = painted(car(0.0, 12.0), noise=12)
    x, y = (annotations.boxes[0, :2] + annotations.boxes[0, 2:]) / 2
    patch = np.s_[int(y) + 2 : int(y) + 4, int(x) - 4 : int(x) + 4]

    assert len(np.unique(image[patch].reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(noisy[patch].reshape(-1, 3), axis=0)) > 1


def test_the_same_seed_gives_the_same_road_and_others_do_not() -> None:
    first, again = (Scenes(mode=ROADS, size=SIZE).sample(3) for _ in range(2))
    other = replace(Scenes(mode=ROADS, size=SIZE), seed=1).sample(3)

    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.annotations.boxes3d, again.annotations.boxes3d)
    assert not np.array_equal(first.image, other.image)


def test_noise_is_limited_to_a_byte() -> None:
    with pytest.raises(UsageError, match="noise is a change of up to 255; got 300"):
        Scenes(mode=ROADS, noise=300)
