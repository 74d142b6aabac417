"""Crops and resizes in whole pixels: pixels are where the matrix says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.data.transforms.crop_resize import MAX_CHANGE, crop_resize
from centernet.geometry.affine import (
    crop_to_input,
    horizontal_flip,
    identity,
    rotation,
    scaling,
    transform_points,
    translation,
    warp_image,
)


def ramp(height: int, width: int) -> np.ndarray:
    """An image whose red is twice the column and whose green is twice the row, plus 20; blue is 255.

    Means of blocks are whole numbers then.
    """
    rows, columns = np.indices((height, width))
    return np.stack([2 * columns + 20, 2 * rows + 20, np.full((height, width), 255)], axis=2).astype(np.uint8)


@given(
    st.integers(60, 115),
    st.integers(60, 115),
    st.floats(0.15, 2.5),
    st.floats(-0.5, 1.5),
    st.floats(-0.5, 1.5),
    st.booleans(),
    st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_every_pixel_shows_the_place_that_the_matrix_says(
    height: int, width: int, scale: float, x: float, y: float, flip: bool, turns: int
) -> None:
    # A flip and quarter turns about the middle of the image, then a window anywhere.
    turned = identity()
    for _ in range(turns):
        turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) @ turned
    turned = translation(width / 2, height / 2) @ turned @ translation(-width / 2, -height / 2)
    matrix = crop_to_input((x * width, y * height), 160 / scale, (120, 160)) @ turned
    matrix = matrix @ horizontal_flip(width) if flip else matrix
    crop = crop_resize(matrix, (height, width), (120, 160))
    if crop is None:
        return
    result = crop(ramp(height, width)).astype(float)
    rows, columns = np.indices((120, 160))
    places = transform_points(
        np.linalg.inv(crop.input_from_image), np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(float)
    ).reshape(120, 160, 2)
    # Beyond the middles of the outermost blocks, a resize repeats them.
    margin = 0.5 / scale + 1
    inside = ((places >= margin) & (places <= np.array([width, height]) - 1 - margin)).all(axis=-1)

    assert (result[inside, 2] == 255).all()
    # Where the crop ends inside the image, a resize repeats the outermost pixels too.
    error = ((result[..., :2] - 20) / 2 - places)[4:-4, 4:-4][inside[4:-4, 4:-4]]
    assert np.abs(error).max(initial=0) <= 0.6
    assert np.abs(error.mean(axis=0) if len(error) else 0).max() <= 0.26


@given(st.floats(0.2, 3), st.floats(-60, 60), st.floats(-60, 60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_transform_moves_by_about_half_a_pixel_at_most(
    scale: float, x: float, y: float, flip: bool
) -> None:
    matrix = translation(x, y) @ scaling(scale)
    matrix = matrix @ horizontal_flip(200) if flip else matrix
    crop = crop_resize(matrix, (150, 200), (130, 170))
    if crop is None:
        return
    corners = np.array([[0.0, 0.0], [199.0, 0.0], [0.0, 149.0], [199.0, 149.0]])
    wanted, result = transform_points(matrix, corners), transform_points(crop.input_from_image, corners)
    visible = ((wanted >= 0) & (wanted < [170, 130])).all(axis=1)

    # Half a pixel of the image and of the input, and what the middles of a resize differ by.
    assert np.abs(wanted - result)[visible].max(initial=0) <= max(1, scale) + 0.6
    assert np.abs(np.diag(crop.input_from_image)[:2]) == pytest.approx([scale] * 2, rel=MAX_CHANGE + 1e-9)


def test_whole_pixels_at_their_own_size_are_copied() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    matrix = translation(7.0, -4.0)
    crop = crop_resize(matrix, (50, 60), (40, 70))

    assert crop is not None
    assert crop.input_from_image == pytest.approx(matrix)
    assert np.array_equal(crop(image), warp_image(image, matrix, (40, 70)))


def test_strong_reductions_average_all_pixels() -> None:
    image = np.zeros((90, 90, 3), dtype=np.uint8)
    image[::3, ::3] = 90
    crop = crop_resize(scaling(1 / 3), (90, 90), (30, 30))

    assert crop is not None
    assert (crop(image) == 10).all()


@pytest.mark.parametrize(
    "matrix", [rotation(0.1), translation(500.0, 0.0), translation(95.0, 95.0) @ scaling(1.3), scaling(0.004)]
)
def test_rotations_and_slivers_are_left_to_the_warp(matrix: np.ndarray) -> None:
    assert crop_resize(matrix, (90, 90), (100, 100)) is None
