"""Resize rules: input sizes and transforms, and the settings that choose a rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from centernet.errors import UsageError
from centernet.geometry.affine import Matrix, transform_points
from centernet.geometry.resize import (
    FitWidth,
    FixedScale,
    Letterbox,
    PadBelowMultiple,
    PadToMultiple,
    ResizeLongestSide,
    ResizeRule,
    choose_rule,
    training_rule,
)

sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
rules = st.sampled_from(
    [
        Letterbox(height=512, width=512),
        Letterbox(height=256, width=640),
        ResizeLongestSide(long_side=320),
        PadToMultiple(),
        FixedScale(factor=0.7),
    ]
)


def corners_of(image_size: tuple[int, int], matrix: Matrix) -> np.ndarray:
    """The outer corners of an image in the input."""
    height, width = image_size
    return transform_points(matrix, np.array([[0.0, 0.0], [width, height]]))


@given(rules, sizes)
def test_the_whole_image_is_in_the_input_undistorted(rule: ResizeRule, image_size: tuple[int, int]) -> None:
    (height, width), matrix = rule(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert left >= -1e-6
    assert top >= -1e-6
    assert right <= width + 1 + 1e-6
    assert bottom <= height + 1 + 1e-6
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(0)


@given(sizes)
def test_letterbox_touches_two_sides_of_its_input(image_size: tuple[int, int]) -> None:
    (height, width), matrix = Letterbox(height=384, width=512)(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert (height, width) == (384, 512)
    assert (left, right) == pytest.approx((0, 512), abs=1e-6) or (top, bottom) == pytest.approx(
        (0, 384), abs=1e-6
    )


@given(sizes, st.sampled_from([64, 320, 512]), st.sampled_from([32, 128]))
def test_resize_longest_side_pads_less_than_one_multiple(
    image_size: tuple[int, int], side: int, multiple: int
) -> None:
    input_size, matrix = ResizeLongestSide(long_side=side, multiple=multiple)(image_size)
    _, (right, bottom) = corners_of(image_size, matrix)

    assert max(right, bottom) == pytest.approx(side)
    for length, resized in zip(input_size, (bottom, right), strict=True):
        assert length % multiple == 0
        assert length - multiple < max(1, round(resized)) <= length


def test_pad_to_multiple_is_strictly_larger_than_the_image() -> None:
    (height, width), matrix = PadToMultiple()((512, 300))

    assert (height, width) == (544, 320)
    assert matrix.tolist() == [[1, 0, 10], [0, 1, 16], [0, 0, 1]]


def test_pad_to_multiple_moves_pixels_by_whole_pixels() -> None:
    for image_size in [(1, 1), (31, 32), (33, 427)]:
        _, matrix = PadToMultiple(pad=127)(image_size)
        assert (matrix == np.round(matrix)).all()
        assert (matrix[:2, :2] == np.eye(2)).all()


@given(sizes)
def test_fit_width_fills_the_width_and_centres_the_rows(image_size: tuple[int, int]) -> None:
    (height, width), matrix = FitWidth(height=384, width=1280)(image_size)
    (left, top), (right, bottom) = corners_of(image_size, matrix)

    assert (height, width) == (384, 1280)
    assert (left, right) == pytest.approx((0, 1280), abs=1e-6)
    assert top + bottom == pytest.approx(384, abs=1e-6)
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])


def test_fit_width_crops_a_row_of_a_kitti_image() -> None:
    _, matrix = FitWidth()((375, 1242))
    (_, top), (_, bottom) = corners_of((375, 1242), matrix)

    assert bottom - top == pytest.approx(375 * 1280 / 1242)
    assert top == pytest.approx((384 - 386.473) / 2, abs=1e-3)


@pytest.mark.parametrize("rule", [Letterbox(height=256, width=384), FitWidth(height=128, width=384)])
@pytest.mark.parametrize("scale", [0.5, 1.25, 2.0])
def test_the_middle_of_a_scaled_image_stays_in_an_input_of_fixed_size(rule: ResizeRule, scale: float) -> None:
    # Both sides times every scale are whole.
    plain_size, plain = rule((240, 320))
    size, matrix = rule((240, 320), scale)
    middle = np.array([[160.0, 120.0]])

    assert size == plain_size
    assert matrix[:2, :2] == pytest.approx(scale * plain[:2, :2])
    assert transform_points(matrix, middle) == pytest.approx(transform_points(plain, middle))


def test_inputs_without_a_fixed_size_grow_with_the_scale() -> None:
    larger_size, larger = ResizeLongestSide(long_side=320)((240, 320), 2.0)
    smaller_size, smaller = PadToMultiple()((240, 320), 0.5)

    assert larger_size == (480, 640)
    assert larger.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 1]]
    # 120 and 160 in 128 and 192.
    assert smaller_size == (128, 192)
    assert smaller.tolist() == [[0.5, 0, 16], [0, 0.5, 4], [0, 0, 1]]


def test_a_fixed_scale_is_that_of_images_of_all_sizes() -> None:
    rule = FixedScale(factor=0.5)

    assert rule((400, 600))[0] == (224, 320)
    assert np.array_equal(rule((400, 600))[1], np.diag([0.5, 0.5, 1]))
    assert rule((64, 64))[0] == (32, 32)
    assert rule((400, 600), 2.0)[0] == (416, 608)
    assert np.array_equal(rule((4000, 100))[1], rule((64, 64))[1])


def test_a_training_chooses_its_rule_by_its_settings() -> None:
    assert training_rule(320, False, 0.0, 32) == Letterbox(height=320, width=320)
    assert training_rule(320, True, 0.0, 32) == ResizeLongestSide(long_side=320)
    assert training_rule(320, False, 0.5, 128) == FixedScale(factor=0.5, multiple=128)


@given(rules, sizes)
def test_scale_one_changes_nothing(rule: ResizeRule, image_size: tuple[int, int]) -> None:
    plain_size, plain = rule(image_size)
    size, matrix = rule(image_size, 1.0)

    assert size == plain_size
    assert (matrix == plain).all()


LETTERBOX, LONGEST, WIDTH = Letterbox(height=256, width=384), ResizeLongestSide(long_side=320), FitWidth()


@pytest.mark.parametrize(
    ("rule", "name", "side", "chosen"),
    [
        (LETTERBOX, None, None, LETTERBOX),
        (LETTERBOX, None, 128, Letterbox(height=128, width=128)),
        (LETTERBOX, "fit", None, Letterbox(height=384, width=384)),
        (LETTERBOX, "follow", None, ResizeLongestSide(long_side=384)),
        (LETTERBOX, "keep", None, PadToMultiple()),
        (LETTERBOX, "scale", None, FixedScale()),
        (FixedScale(factor=0.5), None, None, FixedScale(factor=0.5)),
        (LONGEST, None, 640, ResizeLongestSide(long_side=640)),
        (LONGEST, "fit", None, Letterbox(height=320, width=320)),
        (PadToMultiple(), "fit", None, Letterbox(height=512, width=512)),
        (PadToMultiple(), "follow", 640, ResizeLongestSide(long_side=640)),
        (WIDTH, None, None, WIDTH),
        (WIDTH, "follow", None, ResizeLongestSide(long_side=1280)),
    ],
)
def test_the_settings_choose_another_rule_or_another_side(
    rule: ResizeRule, name: str | None, side: int | None, chosen: ResizeRule
) -> None:
    assert choose_rule(rule, name, side, 32) == chosen


def test_a_chosen_rule_gives_multiples_of_what_the_network_needs() -> None:
    assert choose_rule(LETTERBOX, "keep", None, 128) == PadToMultiple(pad=127)
    assert choose_rule(LETTERBOX, "follow", 256, 128) == ResizeLongestSide(long_side=256, multiple=128)


@pytest.mark.parametrize(
    ("rule", "name", "side", "message"),
    [
        (LETTERBOX, "stretch", None, "resize=stretch is not a resize rule: choose fit, follow, keep"),
        (LETTERBOX, "span", None, "resize=span comes with weights alone: choose fit, follow, keep, triplet"),
        (LETTERBOX, None, 300, "imgsz must be a multiple of 32 for these weights; got 300: try imgsz=288"),
        (LETTERBOX, None, -5, "got -5: try imgsz=32"),
        (LONGEST, None, 0, "got 0: try imgsz=32"),
        (ResizeLongestSide(long_side=500), "fit", None, "got 500: try imgsz=512"),
        (
            LETTERBOX,
            "keep",
            64,
            "keep their own size here, so imgsz=64 has no effect: leave it out, or add resize=fit",
        ),
        (PadToMultiple(), None, 64, "keep their own size here, so imgsz=64 has no effect"),
        (FixedScale(factor=0.5), None, 64, "every image is 0.5 times its own size here, so imgsz=64 has no"),
        (WIDTH, None, 64, "always 1280×384 pixels here, so imgsz=64 has no effect: leave it out"),
    ],
)
def test_unknown_rules_and_impossible_sides_are_refused(
    rule: ResizeRule, name: str | None, side: int | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        choose_rule(rule, name, side, 32)


@pytest.mark.parametrize(("side", "input_side"), [(500, 511), (511, 511), (512, 639), (100, 127)])
def test_pad_below_multiple_centres_the_image_in_an_input_one_short_of_a_multiple(
    side: int, input_side: int
) -> None:
    input_size, input_from_image = PadBelowMultiple()((side, 2 * side))

    assert input_size[0] == input_side
    assert input_from_image[1, 2] == input_side // 2 - side // 2
    assert (input_from_image[:2, :2] == np.eye(2)).all()
