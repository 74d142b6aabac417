from itertools import combinations

import numpy as np

from centernet.drawing import class_color
from centernet.drawing.colors import text_color


def test_the_first_eighty_classes_all_have_their_own_colour() -> None:
    assert len({class_color(label) for label in range(80)}) == 80


def test_the_first_eight_colours_are_far_apart() -> None:
    colors = [np.array(class_color(label)) for label in range(8)]

    assert min(np.abs(one - other).sum() for one, other in combinations(colors, 2)) > 100


def test_text_is_black_on_light_and_white_on_dark() -> None:
    assert text_color((255, 230, 0)) == (0, 0, 0)
    assert text_color((60, 0, 120)) == (255, 255, 255)
