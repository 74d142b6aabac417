"""Bird's-eye view of 3D boxes."""

import numpy as np
import pytest

from centernet.drawing import draw_birds_eye, draw_boxes3d_and_birds_eye
from centernet.drawing.colors import class_color

SIZE = (324, 200)
# 30 m and 8 % behind the camera on 324 rows: ten pixels for a metre, and the camera 12 above the last row.
CAMERA_ROW, MIDDLE, PX = 311, 99.5, 10
CAMERA = np.array([[100.0, 0, 60, 0], [0, 100.0, 40, 0], [0, 0, 1, 0]])
NO_BOXES = np.zeros((0, 7))
NO_LABELS = np.zeros(0, dtype=np.int64)


def pixels_of(image: np.ndarray, color: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels of about one colour."""
    return np.nonzero((np.abs(image.astype(int) - color) < 40).all(axis=2))


def test_a_box_is_as_far_up_as_it_is_ahead_and_as_long_as_it_is() -> None:
    box = np.array([[1.5, 2.0, 4.0, 3.0, 1.6, 20.0, 0.0]])
    rows, columns = pixels_of(draw_birds_eye(box, np.array([0]), SIZE), class_color(0))

    # 19 to 21 m ahead, 1 to 5 m to the right, and the line of the heading 0.6 m further.
    assert rows.min() == pytest.approx(CAMERA_ROW - 21 * PX, abs=2)
    assert rows.max() == pytest.approx(CAMERA_ROW - 19 * PX, abs=2)
    assert columns.min() == pytest.approx(MIDDLE + 1 * PX, abs=2)
    assert columns.max() == pytest.approx(MIDDLE + 5.6 * PX, abs=2)


@pytest.mark.parametrize(("rotation_y", "is_up"), [(-np.pi / 2, True), (np.pi / 2, False)])
def test_the_heading_points_up_where_it_goes_away(rotation_y: float, is_up: bool) -> None:
    box = np.array([[1.5, 2.0, 4.0, 3.05, 1.6, 15.0, rotation_y]])
    rows, columns = pixels_of(draw_birds_eye(box, np.array([0]), SIZE), class_color(0))
    line = rows[np.abs(columns - (MIDDLE + 30.5)) <= 1]
    far, near = CAMERA_ROW - 17 * PX, CAMERA_ROW - 13 * PX

    assert (line.min() < far - 3) == is_up
    assert (line.max() > near + 3) != is_up


def test_ground_truth_is_white() -> None:
    ground_truth = np.array([[1.5, 2.0, 4.0, 3.0, 1.6, 20.0, 0.0]])
    rows, _ = pixels_of(draw_birds_eye(NO_BOXES, NO_LABELS, SIZE, ground_truth=ground_truth), (240, 240, 240))

    assert rows.min() == pytest.approx(CAMERA_ROW - 21 * PX, abs=2)


def test_the_view_reaches_to_the_furthest_box_and_boxes_that_are_not_finite_do_not_matter() -> None:
    far = np.array([[1.5, 2.0, 4.0, 0.0, 1.6, 55.0, 0.0], [np.nan] * 7])
    rows, _ = pixels_of(draw_birds_eye(far, np.array([0, 0]), SIZE), class_color(0))

    assert 0 < rows.min() < 60


def test_lines_mark_the_field_of_view_of_the_camera() -> None:
    without = draw_birds_eye(NO_BOXES, NO_LABELS, SIZE)
    with_lines = draw_birds_eye(NO_BOXES, NO_LABELS, SIZE, camera=CAMERA, image_width=121)

    # 60 pixels of a focal length of 100: at 10 m ahead the view ends 6 m to the right.
    row, column = CAMERA_ROW - 10 * PX, round(MIDDLE + 6 * PX)
    assert (
        with_lines[row - 1 : row + 2, column - 1 : column + 2]
        != without[row - 1 : row + 2, column - 1 : column + 2]
    ).any()


@pytest.mark.parametrize(("shape", "expected"), [((80, 240), (80 + 144, 240)), ((300, 400), (300, 700))])
def test_the_view_is_below_wide_images_and_beside_others(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    box = np.array([[1.5, 2.0, 4.0, 3.0, 1.6, 20.0, 0.0]])
    drawn = draw_boxes3d_and_birds_eye(
        np.zeros((*shape, 3), np.uint8), box, np.array([0]), CAMERA, image_size=shape
    )

    assert drawn.shape[:2] == expected


def test_an_image_without_3d_boxes_is_not_changed() -> None:
    image = np.zeros((80, 240, 3), dtype=np.uint8)

    drawn = draw_boxes3d_and_birds_eye(image, NO_BOXES, NO_LABELS, CAMERA, image_size=(80, 240))

    np.testing.assert_array_equal(drawn, image)
