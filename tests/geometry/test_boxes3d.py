"""Overlaps of 3D boxes are those worked out by hand, and those of shapely."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from centernet.geometry.boxes3d import ground_and_3d_iou, ground_corners, intersections

CAR = [1.5, 2.0, 4.0, 0.0, 1.0, 20.0, 0.0]


def pair(first: list[float], second: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([first], dtype=np.float64), np.array([second], dtype=np.float64)


def changed(**changes: float) -> list[float]:
    names = ("h", "w", "l", "x", "y", "z", "turn")
    return [changes.get(name, value) for name, value in zip(names, CAR, strict=True)]


def test_the_length_of_a_car_that_heads_right_is_along_x() -> None:
    corners = ground_corners(np.array([CAR]))

    assert corners[0].tolist() == [[2, 19], [2, 21], [-2, 21], [-2, 19]]


def test_a_quarter_turn_to_the_left_heads_away_from_the_camera() -> None:
    front = ground_corners(np.array([changed(turn=-math.pi / 2)]))[0, :2].mean(axis=0)

    assert front.tolist() == pytest.approx([0, 22])


def test_the_intersection_has_an_area_in_birds_eye_view_and_a_volume() -> None:
    # Half a length ahead, and 0.5 m lower: 2 × 2 m in bird's-eye view, 1 m in height.
    area, volume = intersections(*pair(CAR, changed(x=2.0, y=1.5)))

    assert (area[0], volume[0]) == pytest.approx((4, 4))


@pytest.mark.parametrize(
    ("other", "ground_iou", "volume_iou"),
    [
        (CAR, 1, 1),
        (changed(turn=math.pi), 1, 1),
        (changed(x=2.0), 4 / 12, 4 / 12),
        (changed(h=3.0), 1, 1 / 2),
        (changed(y=1.75), 1, 0.75 / 2.25),
        (changed(turn=math.pi / 2), 4 / 12, 4 / 12),
        (changed(l=2.0, w=1.0), 1 / 4, 1 / 4),
        (changed(x=4.0), 0, 0),
        (changed(y=3.0), 1, 0),
        (changed(z=-20.0), 0, 0),
    ],
    ids=["same", "opposite heading", "half ahead", "twice as high", "lower", "across", "inside", "touching",
         "above", "behind"],
)  # fmt: skip
def test_ious_are_those_worked_out_by_hand(other: list[float], ground_iou: float, volume_iou: float) -> None:
    for first, second in ((CAR, other), (other, CAR)):
        ground, volume = ground_and_3d_iou(*pair(first, second))

        assert (ground[0], volume[0]) == pytest.approx((ground_iou, volume_iou), abs=1e-12)


def test_two_squares_at_45_degrees_intersect_in_an_octagon() -> None:
    square = changed(w=2.0, l=2.0)
    area, _ = intersections(*pair(square, changed(w=2.0, l=2.0, turn=math.pi / 4)))

    # Squares of side 2: a regular octagon of inradius 1.
    assert area[0] == pytest.approx(8 * math.tan(math.pi / 8))


BOXES = st.tuples(
    st.floats(0.5, 3),
    st.floats(0.3, 3),
    st.floats(0.3, 12),
    st.floats(-4, 4),
    st.floats(0, 2),
    st.floats(-4, 4),
    st.floats(-7, 7),
)


@given(BOXES, BOXES)
def test_areas_are_those_of_shapely(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    boxes = pair(list(first), list(second))
    one, other = (Polygon(ground_corners(box)[0]) for box in boxes)
    area, _ = intersections(*boxes)

    assert area[0] == pytest.approx(one.intersection(other).area, abs=1e-9)


@given(BOXES, BOXES, st.floats(-7, 7), st.floats(-60, 60))
def test_ious_do_not_depend_on_order_rotation_and_position(
    first: tuple[float, ...], second: tuple[float, ...], turn: float, shift: float
) -> None:
    boxes = np.concatenate(pair(list(first), list(second)))
    moved = boxes.copy()
    x, z = boxes[:, 3], boxes[:, 5]
    moved[:, 3] = math.cos(turn) * x + math.sin(turn) * z + shift
    moved[:, 5] = math.cos(turn) * z - math.sin(turn) * x - shift
    moved[:, 6] += turn
    plain = np.array(ground_and_3d_iou(boxes[:1], boxes[1:]))

    assert np.array(ground_and_3d_iou(boxes[1:], boxes[:1])) == pytest.approx(plain, abs=1e-9)
    assert np.array(ground_and_3d_iou(moved[:1], moved[1:])) == pytest.approx(plain, abs=1e-9)
    assert ((plain >= 0) & (plain <= 1 + 1e-12)).all()


@given(BOXES, st.floats(-1e-9, 1e-9))
def test_the_iou_of_boxes_that_nearly_coincide_is_nearly_one(box: tuple[float, ...], noise: float) -> None:
    near = [value + noise for value in box]

    assert np.array(ground_and_3d_iou(*pair(list(box), near))) == pytest.approx(1, abs=1e-6)


def test_areas_of_many_pairs_at_once_are_those_of_shapely() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.uniform([1, 0.4, 0.5, -3, 0, -3, -7], [2, 3, 9, 3, 2, 3, 7], (2, 3000, 7))
    area, _ = intersections(first, second)
    expected = [
        Polygon(one).intersection(Polygon(other)).area
        for one, other in zip(ground_corners(first), ground_corners(second), strict=True)
    ]

    assert np.abs(area - expected).max() < 1e-12
    assert (area == 0).any()
    assert (area > 0).any()


def test_no_pairs_give_no_intersections() -> None:
    area, volume = intersections(np.zeros((0, 7)), np.zeros((0, 7)))

    assert area.shape == volume.shape == (0,)
