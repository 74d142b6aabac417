import numpy as np
import pytest
from jaxtyping import UInt8

from centernet.drawing import class_color, draw_boxes

BLACK = np.zeros((200, 300, 3), dtype=np.uint8)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def labels(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def is_colored(image: UInt8[np.ndarray, "h w 3"], label: int) -> np.ndarray:
    return (image == class_color(label)).all(axis=2)


def test_lines_run_along_the_outermost_pixels_inside_the_box() -> None:
    colored = is_colored(draw_boxes(BLACK, boxes((10, 20, 110, 70)), [""], labels(0)), 0)

    rows, columns = np.flatnonzero(colored.any(1)), np.flatnonzero(colored.any(0))
    assert (columns.min(), columns.max()) == (10, 109)
    assert (rows.min(), rows.max()) == (20, 69)
    assert not colored[45, 60]


def test_a_box_as_large_as_the_image_has_all_four_lines() -> None:
    colored = is_colored(draw_boxes(BLACK, boxes((0, 0, 300, 200)), [""], labels(1)), 1)

    assert colored[0].all()
    assert colored[-1].all()
    assert colored[:, 0].all()
    assert colored[:, -1].all()


def test_each_box_has_the_colour_of_its_class() -> None:
    drawn = draw_boxes(BLACK, boxes((10, 10, 50, 50), (100, 100, 180, 180)), ["", ""], labels(4, 2))

    assert tuple(drawn[30, 10].tolist()) == class_color(4)
    assert tuple(drawn[140, 100].tolist()) == class_color(2)


def test_the_image_itself_is_not_changed() -> None:
    image = BLACK.copy()
    draw_boxes(image, boxes((10, 10, 50, 50)), ["circle"], labels(0))

    assert not image.any()


def test_a_text_is_drawn_above_its_box() -> None:
    drawn = draw_boxes(BLACK, boxes((50, 80, 150, 180)), ["circle 0.93"], labels(0))

    assert is_colored(drawn, 0)[70:78, 55:60].any()


@pytest.mark.parametrize("y1", [0, 197])
def test_a_text_of_a_box_at_the_border_lies_inside_the_image(y1: int) -> None:
    with_text, without = (
        is_colored(draw_boxes(BLACK, boxes((280, y1, 299, y1 + 3)), [text], labels(0)), 0).sum()
        for text in ("triangle", "")
    )

    # At ten pixels a letter, most of the background of the text is visible.
    assert with_text - without > 200


@pytest.mark.parametrize("text", ["Küche", "細胞", "Ωμέγα 0.5", "собака", "a\nb", "naïve 🚲"])
def test_texts_of_any_language_are_drawn(text: str) -> None:
    one, other = (
        draw_boxes(BLACK, boxes((50, 80, 150, 180)), [word], labels(0)) for word in (text, "x" * len(text))
    )

    assert not np.array_equal(one, other)


def test_two_names_that_no_font_can_write_are_still_drawn_differently() -> None:
    # Private characters: no font of any machine has both.
    one, other = (
        draw_boxes(BLACK, boxes((50, 80, 150, 180)), [text], labels(0))
        for text in ("\U000f1234", "\U000f1235")
    )

    assert not np.array_equal(one, other)


def test_texts_that_would_hide_the_image_are_left_out() -> None:
    many = boxes(*((x, y, x + 8, y + 8) for x in range(0, 290, 10) for y in range(0, 190, 10)))
    classes = np.zeros(len(many), dtype=np.int64)
    with_texts = draw_boxes(BLACK, many, ["hexagon 0.50"] * len(many), classes)
    without = draw_boxes(BLACK, many, [""] * len(many), classes)

    assert np.array_equal(with_texts, without)


def test_texts_leave_three_quarters_of_the_image_free_but_for_the_lines() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 150, size=(19, 2))
    some = boxes(*((x, y, x + 30, y + 30) for x, y in corners))
    classes = np.zeros(len(some), dtype=np.int64)
    with_texts, without = (
        is_colored(draw_boxes(BLACK, some, [text] * len(some), classes), 0).mean()
        for text in ("triangle", "")
    )

    assert 0 < with_texts - without < 0.25


def test_lines_of_many_boxes_are_thin() -> None:
    large = np.zeros((1200, 1200, 3), dtype=np.uint8)
    one = boxes((100, 100, 500, 500))
    few, many = (
        is_colored(draw_boxes(large, np.repeat(one, count, axis=0), [""] * count, labels(*[0] * count)), 0)
        for count in (1, 50)
    )

    assert few[300, 90:110].sum() >= 4
    assert many[300, 90:110].sum() == 1


def test_a_small_image_is_enlarged_before_it_is_drawn_on() -> None:
    drawn = draw_boxes(BLACK[:50, :100], boxes((10, 20, 30, 40)), [""], labels(0), long_side=400)
    colored = is_colored(drawn, 0)

    assert drawn.shape == (200, 400, 3)
    assert np.flatnonzero(colored.any(0))[[0, -1]].tolist() == [40, 119]
    assert np.flatnonzero(colored.any(1))[[0, -1]].tolist() == [80, 159]


def test_boxes_that_are_not_finite_are_not_drawn_and_huge_ones_are_clipped() -> None:
    nan, inf, huge = float("nan"), float("inf"), 1e30
    drawn = draw_boxes(
        BLACK,
        boxes((nan, 0, 9, 9), (0, 0, inf, 9), (-huge, -huge, huge, huge)),
        ["a", "b", ""],
        labels(0, 1, 2),
    )

    assert not is_colored(drawn, 0).any()
    assert not is_colored(drawn, 1).any()
    assert is_colored(drawn, 2)[0].all()


def test_no_boxes_give_a_copy_of_the_image() -> None:
    drawn = draw_boxes(BLACK, boxes(), [], labels())

    assert np.array_equal(drawn, BLACK)
    assert drawn is not BLACK


@pytest.mark.parametrize("size", [(1, 37), (37, 1), (1, 1)])
def test_images_of_one_row_or_column_can_be_drawn_on(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), dtype=np.uint8)
    drawn = draw_boxes(image, boxes((0, 0, 1, 1)), ["circle"], labels(0))

    assert drawn.shape == image.shape
    assert tuple(drawn[0, 0].tolist()) == class_color(0)


def test_a_text_too_few_is_refused() -> None:
    with pytest.raises(ValueError):
        draw_boxes(BLACK, boxes((0, 0, 9, 9), (5, 5, 9, 9)), ["a"], labels(0, 0))
