"""Which input an image is shown on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centernet.geometry.affine import Matrix, transform_points
from centernet.geometry.resize import Fit, Follow, Keep, ResizeRule, Span

sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
rules = st.sampled_from(
    [Fit(height=512, width=512), Fit(height=256, width=640), Follow(long_side=320), Keep()]
)


def corners_of(image_size: tuple[int, int], matrix: Matrix) -> np.ndarray:
    """Where the outer corners of an image land."""
    height, width = image_size
    return transform_points(matrix, np.array([[0.0, 0.0], [width, height]]))


@given(rules, sizes)
def test_every_rule_shows_the_whole_image_undistorted(rule: ResizeRule, image_size: tuple[int, int]) -> None:
    (height, width), matrix = rule(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert left >= -1e-6
    assert top >= -1e-6
    assert right <= width + 1 + 1e-6
    assert bottom <= height + 1 + 1e-6
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(0)


@given(sizes)
def test_fit_touches_two_sides_of_its_input(image_size: tuple[int, int]) -> None:
    (height, width), matrix = Fit(height=384, width=512)(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert (height, width) == (384, 512)
    assert (left, right) == pytest.approx((0, 512), abs=1e-6) or (top, bottom) == pytest.approx(
        (0, 384), abs=1e-6
    )


@given(sizes, st.sampled_from([64, 320, 512]), st.sampled_from([32, 128]))
def test_follow_is_no_larger_than_it_must_be(image_size: tuple[int, int], side: int, multiple: int) -> None:
    input_size, matrix = Follow(long_side=side, multiple=multiple)(image_size)
    _, (right, bottom) = corners_of(image_size, matrix)

    assert max(right, bottom) == pytest.approx(side)
    for length, shown in zip(input_size, (bottom, right), strict=True):
        assert length % multiple == 0
        assert length - multiple < max(1, round(shown)) <= length


def test_keep_is_strictly_larger_than_the_image() -> None:
    (height, width), matrix = Keep()((512, 300))

    assert (height, width) == (544, 320)
    assert matrix.tolist() == [[1, 0, 10], [0, 1, 16], [0, 0, 1]]


def test_keep_leaves_every_pixel_as_it_is() -> None:
    for image_size in [(1, 1), (31, 32), (33, 427)]:
        _, matrix = Keep(pad=127)(image_size)
        assert (matrix == np.round(matrix)).all()
        assert (matrix[:2, :2] == np.eye(2)).all()


@given(sizes)
def test_span_fills_the_width_and_centres_the_rows(image_size: tuple[int, int]) -> None:
    (height, width), matrix = Span(height=384, width=1280)(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert (height, width) == (384, 1280)
    assert (left, right) == pytest.approx((0, 1280), abs=1e-6)
    assert top + bottom == pytest.approx(384, abs=1e-6)
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])


def test_span_cuts_a_row_off_an_image_of_kitti() -> None:
    _, matrix = Span()((375, 1242))
    (_, top), (_, bottom) = corners_of((375, 1242), matrix)

    assert bottom - top == pytest.approx(375 * 1280 / 1242)
    assert top == pytest.approx((384 - 386.473) / 2, abs=1e-3)
