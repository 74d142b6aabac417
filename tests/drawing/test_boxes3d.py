"""3D boxes drawn on an image."""

import numpy as np

from centernet.drawing import draw_boxes3d
from centernet.drawing.colors import class_color
from centernet.geometry.boxes3d import corners_of
from centernet.geometry.camera import project

CAMERA = np.array([[100.0, 0, 60, 0], [0, 100.0, 40, 0], [0, 0, 1, 0]])
BLACK = np.zeros((80, 120, 3), dtype=np.uint8)
CAR = np.array([[1.5, 1.6, 4.0, 0.0, 1.0, 10.0, 0.3]])
LABEL = np.array([2])


def test_every_corner_is_touched_in_the_colour_of_the_class() -> None:
    drawn = draw_boxes3d(BLACK, CAR, LABEL, CAMERA)

    for x, y in np.rint(project(CAMERA, corners_of(CAR)[0])).astype(int):
        assert (np.abs(drawn[y, x].astype(int) - class_color(2)) < 120).all()
    assert (BLACK == 0).all()


def test_nothing_is_drawn_outside_the_box() -> None:
    drawn = draw_boxes3d(BLACK, CAR, LABEL, CAMERA)
    pixels = project(CAMERA, corners_of(CAR)[0])
    rows, columns = np.nonzero(drawn.any(axis=2))

    assert columns.min() >= pixels[:, 0].min() - 2
    assert columns.max() <= pixels[:, 0].max() + 2
    assert rows.min() >= pixels[:, 1].min() - 2
    assert rows.max() <= pixels[:, 1].max() + 2


def test_on_a_scaled_image_the_box_is_scaled_too() -> None:
    drawn = draw_boxes3d(np.zeros((160, 240, 3), np.uint8), CAR, LABEL, CAMERA, image_size=(80, 120))
    columns = np.nonzero(drawn.any(axis=2))[1]
    pixels = project(CAMERA, corners_of(CAR)[0])[:, 0]

    assert abs(columns.min() - (pixels.min() * 2 + 0.5)) < 2.5
    assert abs(columns.max() - (pixels.max() * 2 + 0.5)) < 2.5


def test_parts_behind_the_camera_are_clipped() -> None:
    beside = np.array([[1.5, 1.6, 8.0, 2.0, 1.0, 1.0, -np.pi / 2]])
    behind = np.array([[1.5, 1.6, 4.0, 0.0, 1.0, -10.0, 0.0]])
    unknown = np.full((1, 7), np.nan)

    assert (draw_boxes3d(BLACK, behind, LABEL, CAMERA) == 0).all()
    assert (draw_boxes3d(BLACK, unknown, LABEL, CAMERA) == 0).all()
    # From 3 m behind the camera to 5 m before it, to the right: nothing on the left half.
    drawn = draw_boxes3d(BLACK, beside, LABEL, CAMERA)
    assert drawn[:, 60:].any()
    assert not drawn[:, :58].any()


def test_the_front_alone_has_a_cross() -> None:
    towards = draw_boxes3d(BLACK, np.array([[2.0, 2, 2, 0, 1, 8, np.pi / 2]]), LABEL, CAMERA)
    sideways = draw_boxes3d(BLACK, np.array([[2.0, 2, 2, 0, 1, 8, 0.0]]), LABEL, CAMERA)

    # The middle of the near face, where the lines of the cross meet.
    assert towards[39:42, 59:62].any()
    assert not sideways[39:42, 59:62].any()
