import numpy as np
import pytest

from centernet.drawing import draw_keypoints
from centernet.drawing.keypoints import LEFT, MIDDLE, RIGHT, keypoint_colors
from centernet.structures import Skeleton

GREY = np.full((200, 300, 3), 90, dtype=np.uint8)
FACE = Skeleton(names=("nose", "left_eye", "right_eye"), edges=((0, 1), (0, 2), (1, 2)), pairs=((1, 2),))
POINTS = [(150, 150), (50, 40), (250, 40)]


def keypoints(*visibility: float, points: list = POINTS) -> np.ndarray:
    return np.array(
        [[(*point, value) for point, value in zip(points, visibility, strict=True)]], dtype=np.float32
    )


def color_at(image: np.ndarray, x: int, y: int) -> tuple[int, ...]:
    return tuple(image[y, x].tolist())


def test_dots_lie_at_the_keypoints_in_the_colours_of_their_sides() -> None:
    drawn = draw_keypoints(GREY, keypoints(2, 2, 2), [FACE])

    assert [color_at(drawn, *point) for point in POINTS] == [MIDDLE, LEFT, RIGHT]


def test_lines_have_the_colour_of_their_side_and_those_from_left_to_right_are_white() -> None:
    drawn = draw_keypoints(GREY, keypoints(2, 2, 2), [FACE])

    assert color_at(drawn, 100, 95) == LEFT
    assert color_at(drawn, 200, 95) == RIGHT
    # Smoothed at the edges: a line of one pixel is nearly white.
    assert color_at(drawn, 150, 40) == pytest.approx(MIDDLE, abs=20)


def test_unlabelled_keypoints_and_their_lines_are_not_drawn() -> None:
    drawn = draw_keypoints(GREY, keypoints(2, 0, 2), [FACE])

    assert (drawn[:, :140] == 90).all()
    assert color_at(drawn, 250, 40) == RIGHT


def test_a_hidden_keypoint_is_a_ring() -> None:
    drawn = draw_keypoints(GREY, keypoints(1, 1, 1), [Skeleton(names=FACE.names, pairs=FACE.pairs)])

    assert color_at(drawn, 50, 40) == (90, 90, 90)
    assert (drawn[36:45, 46:55] != 90).any()


def test_the_image_itself_is_not_changed_and_without_keypoints_it_is_copied() -> None:
    image = GREY.copy()
    draw_keypoints(image, keypoints(2, 2, 2), [FACE])
    same = draw_keypoints(image, keypoints(0, 0, 0), [FACE])

    assert (image == 90).all()
    assert np.array_equal(same, image)
    assert same is not image


def test_objects_without_keypoints_and_keypoints_beyond_a_class_are_not_drawn() -> None:
    short = Skeleton(names=("nose",))
    both = np.concatenate([keypoints(2, 2, 2)] * 2)
    drawn = draw_keypoints(GREY, both, [None, short])

    assert (drawn[:, :140] == 90).all()
    assert color_at(drawn, 150, 150) != (90, 90, 90)


def test_the_first_object_lies_on_top() -> None:
    left, right = Skeleton(names=("l", "r"), pairs=((0, 1),)), Skeleton(names=("r", "l"), pairs=((1, 0),))
    same_place = keypoints(2, 2, points=[(50, 50), (200, 100)])
    drawn = draw_keypoints(GREY, np.concatenate([same_place] * 2), [left, right])

    assert color_at(drawn, 50, 50) == LEFT


def test_on_a_scaled_image_keypoints_lie_in_the_middle_of_their_pixels() -> None:
    big = np.kron(GREY[:20, :30], np.ones((9, 9, 1), dtype=np.uint8))
    drawn = draw_keypoints(
        big, keypoints(2, 2, 2, points=[(5, 5), (10, 5), (20, 15)]), [FACE], image_size=(20, 30)
    )

    for (x, y), color in zip([(5, 5), (10, 5), (20, 15)], (MIDDLE, LEFT, RIGHT), strict=True):
        assert color_at(drawn, 9 * x + 4, 9 * y + 4) == color


def test_dots_of_a_small_object_are_small() -> None:
    large = np.full((1000, 1000, 3), 90, dtype=np.uint8)
    dots = [
        (draw_keypoints(large, keypoints(2, 2, 2, points=points), [Skeleton(names=FACE.names)]) != 90).sum()
        for points in ([(500, 500), (510, 500), (500, 512)], [(100, 100), (900, 100), (500, 900)])
    ]

    assert dots[0] < dots[1] / 2


def test_keypoints_without_left_right_pairs_all_have_different_colours() -> None:
    colors = keypoint_colors(Skeleton(names=tuple("abcdefghijklmnopq")))

    assert len(set(colors)) == 17


@pytest.mark.parametrize("far", [float("nan"), float("inf"), 1e30, -1e9])
def test_points_that_cannot_be_drawn_are_left_out(far: float) -> None:
    drawn = draw_keypoints(GREY, keypoints(2, 2, 2, points=[(far, 20), (50, 40), (250, far)]), [FACE])

    assert color_at(drawn, 50, 40) == LEFT
