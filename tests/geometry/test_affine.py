"""Affine transforms between the frames, on numbers that can be checked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centernet.geometry.affine import (
    crop_to_input,
    horizontal_flip,
    identity,
    rotation,
    scaled_size,
    scaling,
    transform_boxes,
    transform_points,
    translation,
    warp_image,
)

numbers = st.floats(-1000, 1000)


def test_the_middle_of_the_window_lands_in_the_middle_of_the_input() -> None:
    matrix = crop_to_input((30.0, 40.0), 50.0, (100, 200))
    points = np.array([[30.0, 40.0], [5.0, 40.0], [55.0, 40.0], [30.0, 27.5]])

    # 50 pixels become a width of 200: four times as large.
    assert transform_points(matrix, points).tolist() == [[100, 50], [0, 50], [200, 50], [100, 0]]


@given(numbers, numbers, st.floats(1, 1000), st.floats(-3, 3))
def test_the_inverse_matrix_moves_points_back(x: float, y: float, side: float, angle: float) -> None:
    matrix = crop_to_input((x, y), side, (64, 96), angle)
    points = np.array([[0.0, 0.0], [13.0, -7.0]])

    assert transform_points(np.linalg.inv(matrix), transform_points(matrix, points)) == pytest.approx(
        points, abs=1e-6
    )


def test_a_positive_rotation_goes_from_x_to_y() -> None:
    rotated = transform_points(rotation(np.pi / 2), np.array([[1.0, 0.0], [0.0, 1.0]]))

    assert rotated == pytest.approx(np.array([[0.0, 1.0], [-1.0, 0.0]]))


def test_a_window_rotated_clockwise_rotates_the_image_back() -> None:
    matrix = crop_to_input((0.0, 0.0), 10.0, (10, 10), np.pi / 2)

    assert transform_points(matrix, np.array([[0.0, 2.0]])) == pytest.approx(np.array([[7.0, 5.0]]))


def test_a_horizontal_flip_swaps_first_and_last_pixel_and_undoes_itself() -> None:
    assert transform_points(horizontal_flip(10), np.array([[0.0, 3.0], [9.0, 3.0]])).tolist() == [
        [9, 3],
        [0, 3],
    ]
    assert (horizontal_flip(10) @ horizontal_flip(10) == identity()).all()


def test_neighbours_in_a_product_apply_from_right_to_left() -> None:
    matrix = translation(1.0, 2.0) @ scaling(3.0)

    assert transform_points(matrix, np.array([[1.0, 1.0]])).tolist() == [[4, 5]]


def test_transformed_boxes_are_axis_aligned_and_ordered() -> None:
    box = np.array([[1.0, 2.0, 4.0, 3.0]])

    assert transform_boxes(horizontal_flip(10), box).tolist() == [[5, 2, 8, 3]]
    assert transform_boxes(rotation(np.pi / 2), box) == pytest.approx(np.array([[-3.0, 1.0, -2.0, 4.0]]))
    assert transform_boxes(identity(), np.zeros((0, 4))).shape == (0, 4)


@given(st.floats(-3, 3), st.floats(0.1, 5))
def test_a_transformed_box_bounds_its_transformed_corners(angle: float, factor: float) -> None:
    box = np.array([[1.0, 2.0, 4.0, 3.0]])
    corners = np.array([[1.0, 2.0], [4.0, 2.0], [4.0, 3.0], [1.0, 3.0]])
    matrix = rotation(angle) @ scaling(factor)
    moved, bounds = transform_points(matrix, corners), transform_boxes(matrix, box)[0]

    assert bounds == pytest.approx(np.concatenate([moved.min(0), moved.max(0)]), abs=1e-9)


def test_pixels_go_where_points_go() -> None:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[12, 20] = 200
    matrix = translation(5.0, -3.0) @ horizontal_flip(60)
    warped = warp_image(image, matrix, (50, 70))
    ((x, y),) = transform_points(matrix, np.array([[20.0, 12.0]]))

    assert warped.shape == (50, 70, 3)
    assert warped[int(y), int(x)].tolist() == [200] * 3
    assert (warped > 0).sum() == 3


def test_outside_the_image_the_input_is_black() -> None:
    image = np.full((10, 10, 3), 255, dtype=np.uint8)
    warped = warp_image(image, translation(20.0, 0.0), (10, 40))

    assert warped[:, 20:30].min() == 255
    assert warped[:, :20].max() == warped[:, 30:].max() == 0


def test_resizing_before_the_warp_keeps_sharp_edges_at_even_pixels() -> None:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[8:24, 20:36] = 240
    direct = warp_image(image, scaling(0.5), (20, 30))
    in_two_steps = warp_image(image, scaling(0.5), (20, 30), first_scale=0.5)

    # OpenCV takes the mean of 2×2 pixels: sharp edges at even pixels stay sharp.
    assert in_two_steps[4:12, 10:18].min() == 240
    assert in_two_steps.astype(int).sum() == 8 * 8 * 240 * 3
    assert (direct[4:12, 10:18] == in_two_steps[4:12, 10:18]).all()


def test_a_scaled_size_is_rounded_down_to_at_least_one_pixel() -> None:
    assert scaled_size((333, 250), 0.75) == (249, 187)
    assert scaled_size((1, 3), 0.5) == (1, 1)
