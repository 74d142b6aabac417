import numpy as np
import pytest

from centernet.data.synthetic.layouts import SceneLayout
from centernet.data.synthetic.painting import render
from centernet.data.synthetic.shapes import Shape


def square(x1: int, y1: int, x2: int, y2: int, label: int = 0) -> Shape:
    """The pixels x1 to x2 - 1 and y1 to y2 - 1."""
    corners = [(x1, y1), (x2 - 1, y1), (x2 - 1, y2 - 1), (x1, y2 - 1)]
    return Shape(polygon=np.array(corners, dtype=float), label=label)


def boxes(max_hidden: float, *shapes: Shape) -> list[list[float]]:
    random = np.random.Generator(np.random.PCG64(0))
    _, annotations = render(SceneLayout(size=(40, 60), shapes=shapes), max_hidden, random)
    return annotations.boxes.tolist()


def test_an_object_half_hidden_keeps_the_box_of_its_whole_outline() -> None:
    behind, before = square(10, 10, 20, 20), square(15, 10, 25, 20)

    assert boxes(0.5, behind, before) == [[10, 10, 20, 20], [15, 10, 25, 20]]


def test_an_object_hidden_more_than_allowed_is_left_out() -> None:
    behind, before = square(10, 10, 20, 20), square(15, 10, 25, 20)

    assert boxes(0.49, behind, before) == [[15, 10, 25, 20]]


def test_pixels_outside_the_image_count_as_hidden() -> None:
    cut = square(-6, 10, 4, 20)

    assert boxes(0.6, cut) == [[0, 10, 4, 20]]
    assert boxes(0.59, cut) == []


def test_an_object_that_is_left_out_occludes_nothing() -> None:
    back, middle, front = square(10, 10, 20, 20), square(10, 10, 20, 19), square(10, 10, 20, 15)

    # The front hides 5 of the middle's 9 rows, which goes; so only half of the back is hidden.
    assert boxes(0.5, back, middle, front) == [[10, 10, 20, 20], [10, 10, 20, 15]]


def test_the_pixels_of_an_object_are_those_in_its_box() -> None:
    layout = SceneLayout(size=(40, 60), shapes=(square(10, 12, 30, 22),))
    bare, _ = render(SceneLayout(size=(40, 60), shapes=()), 0.5, np.random.Generator(np.random.PCG64(1)))
    image, annotations = render(layout, 0.5, np.random.Generator(np.random.PCG64(1)))
    x1, y1, x2, y2 = annotations.boxes[0].astype(int)

    # The noise differs by at most 24; the object's colour is far from the background.
    changed = np.abs(image.astype(int) - bare).max(2) > 24
    assert changed[y1:y2, x1:x2].all()
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


@pytest.mark.parametrize("is_grey", [False, True])
def test_only_grey_scenes_have_no_colour(is_grey: bool) -> None:
    layout = SceneLayout(size=(30, 30), shapes=(square(5, 5, 15, 15),), is_grey=is_grey)
    image, _ = render(layout, 0.5, np.random.Generator(np.random.PCG64(2)))

    assert bool((image == image[..., :1]).all()) == is_grey
