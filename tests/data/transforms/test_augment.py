"""Augmentation moves image and boxes together: painted rectangles are found again in their boxes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.data.transforms.augment import Augment, RandomCrop, ShiftScale
from centernet.data.transforms.warp import resize
from centernet.geometry.affine import transform_boxes
from centernet.geometry.resize import (
    Letterbox,
    PadBelowMultiple,
    PadToMultiple,
    ResizeLongestSide,
    ResizeRule,
)
from centernet.structures import Annotations, Sample
from centernet.structures.sample import sample_of

COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], dtype=np.uint8)
"""One for each label; none is a mixture of another with black."""

RULE = Letterbox(height=160, width=160)
STILL = ShiftScale(shift=0.0, scale=0.0)
"""A window of the whole image."""


def painted(rng: np.random.Generator, labels: list[int], size: tuple[int, int] = (120, 150)) -> Sample:
    """A black image with a rectangle for each label, side by side."""
    height, width = size
    image = np.zeros((height, width, 3), dtype=np.uint8)
    boxes = []
    for i, label in enumerate(labels):
        room = width // len(labels)
        left, right = np.sort(rng.integers(0, room - 15, 2)) + np.array([0, 15]) + i * room
        top, bottom = np.sort(rng.integers(0, height - 15, 2)) + np.array([0, 15])
        image[top:bottom, left:right] = COLORS[label]
        boxes.append([left, top, right, bottom])
    annotations = Annotations.of(np.array(boxes, dtype=np.float32), np.array(labels))
    return replace(sample_of(image, "painted"), annotations=annotations)


def found(sample: Sample, label: int) -> np.ndarray | None:
    """The bounds of the pixels of a colour; None if there are hardly any."""
    color = COLORS[label].astype(bool)
    lit = sample.image > 127
    rows, columns = np.nonzero((lit == color).all(axis=2))
    if len(rows) < 4:
        return None
    # Pixels reach half a pixel beyond their middles.
    return np.array([columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5])


def check(sample: Sample, labels: list[int], max_unboxed_px: float = 3) -> None:
    """Every visible colour has a box round it, and every box contains its colour.

    Args:
        sample: An augmented sample.
        labels: Colours that were painted.
        max_unboxed_px: Largest shorter side of the visible pixels of a colour without a box.
    """
    height, width = sample.view.input_size
    boxes = np.clip(sample.annotations.boxes, 0, [width, height] * 2)
    result = dict(zip(sample.annotations.labels.tolist(), boxes, strict=True))
    for label in labels:
        pixels = found(sample, label)
        if label in result and pixels is not None:
            assert np.abs(result[label] - pixels).max() <= 1.5
        elif label in result:
            assert (result[label][2:] - result[label][:2]).min() < 4
        elif pixels is not None:
            assert (pixels[2:] - pixels[:2]).min() < max_unboxed_px


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.booleans(), st.floats(0, 1), st.floats(0, 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_boxes_follow_their_objects(
    seed: int, crop: bool, flip: float, flip_vertical: float, turns: bool
) -> None:
    rng = np.random.default_rng(seed)
    augment = Augment(
        rule=RULE,
        window=RandomCrop() if crop else ShiftScale(),
        flip=flip,
        flip_vertical=flip_vertical,
        quarter_turns=turns,
    )
    result = augment([painted(rng, [0, 1])], rng)

    check(result, [0, 1])


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_boxes_of_a_mosaic_follow_their_objects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    augment = Augment(
        rule=RULE, window=RandomCrop(min_scale=0.8, max_scale=1.2), quarter_turns=True, mosaic=1.0
    )
    result = augment([painted(rng, [label]) for label in range(4)], rng)

    # Of objects of at most 200×160 visible pixels a fifth may have no box.
    check(result, [0, 1, 2, 3], max_unboxed_px=80)


@pytest.mark.parametrize(
    "rule",
    [
        Letterbox(height=100, width=200),
        ResizeLongestSide(long_side=200),
        ResizeLongestSide(long_side=100),
        PadToMultiple(),
    ],
)
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_boxes_follow_their_objects_under_every_rule(rule: ResizeRule, scale: float) -> None:
    sample = painted(np.random.default_rng(3), [0, 1, 2])
    result = resize(sample, rule, scale)

    check(result, [0, 1, 2])
    assert len(result.annotations) == 3
    assert result.image.shape[:2] == result.view.input_size


def test_the_inverse_of_the_view_moves_boxes_back_to_the_image() -> None:
    rng = np.random.default_rng(0)
    sample = painted(rng, [0])
    augment = Augment(rule=RULE, window=STILL, flip=1.0, flip_vertical=1.0, quarter_turns=True)
    result = augment([sample], rng)

    back = transform_boxes(result.view.image_from_input, result.annotations.boxes.astype(np.float64))
    assert back == pytest.approx(sample.annotations.boxes, abs=1e-3)


def test_without_randomness_the_input_is_that_of_validation() -> None:
    sample = painted(np.random.default_rng(0), [0, 1])
    result = Augment(rule=RULE, window=STILL, flip=0.0)([sample], np.random.default_rng(0))

    assert (result.image == resize(sample, RULE).image).all()
    assert result.annotations.boxes == pytest.approx(resize(sample, RULE).annotations.boxes, abs=1e-4)


def test_flip_reverses_the_columns() -> None:
    sample = painted(np.random.default_rng(0), [0], size=(160, 160))
    same = Augment(rule=RULE, window=STILL, flip=0.0)([sample], np.random.default_rng(0))
    flipped = Augment(rule=RULE, window=STILL, flip=1.0)([sample], np.random.default_rng(0))

    assert (flipped.image == same.image[:, ::-1]).all()


def test_all_four_quarter_turns_are_drawn() -> None:
    sample = painted(np.random.default_rng(0), [0], size=(160, 160))
    augment = Augment(rule=RULE, window=STILL, flip=0.0, quarter_turns=True)
    rng = np.random.default_rng(0)
    result = {augment([sample], rng).image.tobytes() for _ in range(40)}

    assert result == {np.ascontiguousarray(np.rot90(sample.image, turns)).tobytes() for turns in range(4)}


def test_a_crop_has_the_scale_of_the_rule() -> None:
    sample = painted(np.random.default_rng(0), [0], size=(160, 160))
    augment = Augment(rule=Letterbox(height=320, width=320), window=STILL, crop=64, flip=0.0)
    result = augment([sample], np.random.default_rng(0))

    assert result.image.shape == (64, 64, 3)
    assert result.view.input_from_image[0, 0] == pytest.approx(2)


def test_objects_outside_the_input_are_left_out() -> None:
    sample = painted(np.random.default_rng(0), [0, 1, 2, 3], size=(160, 640))
    augment = Augment(rule=Letterbox(height=640, width=640), window=STILL, crop=96, flip=0.0)
    result = augment([sample], np.random.default_rng(0))

    # The middle 96 columns of 640 contain the second and third object at most.
    assert set(result.annotations.labels.tolist()) <= {1, 2}


@given(st.integers(20, 2000), st.integers(20, 2000), seeds)
@settings(deadline=None)
def test_random_crops_have_their_middle_in_the_image(height: int, width: int, seed: int) -> None:
    (x, y), side = RandomCrop()((height, width), 100.0, np.random.default_rng(seed))

    assert 0 < x < width
    assert 0 < y < height
    assert 59.9 < side < 130.1


@given(seeds)
def test_shift_and_scale_stay_within_their_bounds(seed: int) -> None:
    (x, y), side = ShiftScale(shift=0.1, scale=0.4)((200, 300), 300.0, np.random.default_rng(seed))

    assert abs(x - 150) <= 60 + 1e-9
    assert abs(y - 100) <= 60 + 1e-9
    assert 180 - 1e-9 <= side <= 420 + 1e-9


def test_the_number_of_images_of_an_input_follows_the_probability_of_mosaics() -> None:
    augment = Augment(rule=RULE, window=STILL, mosaic=0.25)
    rng = np.random.default_rng(0)
    numbers = [augment.num_samples(rng) for _ in range(1000)]

    assert set(numbers) == {1, 4}
    assert numbers.count(4) == pytest.approx(250, abs=50)


def test_images_without_objects_can_be_augmented() -> None:
    empty = sample_of(np.zeros((50, 70, 3), dtype=np.uint8), "empty")
    augment = Augment(rule=RULE, window=RandomCrop(), quarter_turns=True, mosaic=1.0)

    assert len(augment([empty], np.random.default_rng(0)).annotations) == 0
    assert len(augment([empty] * 4, np.random.default_rng(0)).annotations) == 0


def test_a_wide_image_is_shifted_by_fractions_of_its_own_sides() -> None:
    middles = np.array(
        [
            ShiftScale(by_each_side=True)((100, 1000), 1000.0, np.random.default_rng(seed))[0]
            for seed in range(200)
        ]
    )

    # At most twice the deviation of a tenth of each side.
    assert np.abs(middles - [500, 50]).max(axis=0) == pytest.approx([200, 20], rel=0.02)


@pytest.mark.parametrize(("probability", "whole"), [(0.0, 50), (0.5, 25), (1.0, 0)])
def test_a_fraction_of_the_images_is_not_cropped(probability: float, whole: int) -> None:
    rule = ResizeLongestSide(long_side=64)
    augment = Augment(rule=rule, window=RandomCrop(), crop_prob=probability, flip=0.0)
    sample = sample_of(np.zeros((32, 64, 3), dtype=np.uint8), "a")

    result = [augment([sample], np.random.default_rng(seed)) for seed in range(50)]

    count = sum(np.array_equal(one.view.input_from_image, rule((32, 64))[1]) for one in result)
    assert abs(count - whole) <= 8


@pytest.mark.parametrize(("size", "lost"), [((127, 200), (1, 0)), ((200, 127), (0, 1)), ((120, 90), (0, 0))])
def test_an_image_without_padding_loses_its_last_line_as_in_the_original(
    size: tuple[int, int], lost: tuple[int, int]
) -> None:
    white = sample_of(np.full((*size, 3), 255, dtype=np.uint8), "white")
    whole, less = (resize(white, PadBelowMultiple(), exact=exact).image for exact in (False, True))

    assert (whole[..., 0] > 0).sum() == size[0] * size[1]
    assert (less[..., 0] > 0).sum() == (size[0] - lost[0]) * (size[1] - lost[1])
    assert (less[less > 0] == 255).all()
    assert np.array_equal(
        resize(white, Letterbox(height=64, width=64), exact=True).image,
        resize(white, Letterbox(height=64, width=64)).image,
    )


def test_windows_have_sides_in_the_range_of_scales() -> None:
    window, rng = ShiftScale(scale=1.0, min_scale=0.6, max_scale=2.0), np.random.default_rng(0)
    sides = [window((100, 200), 200.0, rng)[1] / 200 for _ in range(500)]

    assert min(sides) == pytest.approx(0.6)
    assert max(sides) == pytest.approx(2.0)
