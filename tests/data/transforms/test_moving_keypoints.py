"""Keypoints move with their image: painted discs are found again at their keypoints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.data.transforms.augment import Augment, RandomCrop, ShiftScale
from centernet.data.transforms.warp import resize, warp_sample
from centernet.geometry.affine import crop_to_input, horizontal_flip, identity, rotation, translation
from centernet.geometry.resize import Letterbox
from centernet.structures import Annotations, Categories, Sample, Skeleton
from centernet.structures.sample import sample_of

COLORS = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255], [0, 255, 255]], dtype=np.uint8
)
"""One for each keypoint."""

RULE = Letterbox(height=160, width=160)
STILL = ShiftScale(shift=0.0, scale=0.0)
RADIUS = 5

THREE = Skeleton(names=("nose", "left", "right"), pairs=((1, 2),))
PLAIN = Skeleton(names=("a", "b", "c"))
CATEGORIES = Categories(("sided", "plain"), (0, 1), (THREE, PLAIN))
FLIPPED: list[list[int]] = CATEGORIES.flip_indices.tolist()

seeds = st.integers(0, 2**32 - 1)


def painted(rng: np.random.Generator, size: tuple[int, int] = (120, 150)) -> Sample:
    """A black image with two objects of three coloured discs each; the middle of a disc is its keypoint."""
    height, width = size
    image = np.zeros((height, width, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:height, :width]
    # No two discs in one of six cells.
    step = np.array([width // 3, height // 2])
    corners = np.array([[x, y] for y in range(2) for x in range(3)]) * step
    places = corners + rng.integers(RADIUS + 1, step - RADIUS - 1, (6, 2))
    places = places[rng.permutation(6)]
    for (x, y), color in zip(places, COLORS, strict=True):
        image[(columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2] = color
    points = places.reshape(2, 3, 2)
    keypoints = np.concatenate([points, rng.integers(1, 3, (2, 3, 1))], axis=-1).astype(np.float32)
    boxes = np.concatenate([points.min(1) - RADIUS, points.max(1) + RADIUS], axis=1).astype(np.float32)
    return replace(
        sample_of(image, "painted"), annotations=Annotations.of(boxes, np.array([0, 1]), keypoints)
    )


def check(sample: Sample, exchanged: bool | None) -> int:
    """Each labelled keypoint is on its colour, and in the middle of it where it is wholly visible.

    Returns:
        How many there are.
    """
    height, width = sample.view.input_size
    count = 0
    for label, keypoints in zip(
        sample.annotations.labels.tolist(), sample.annotations.keypoints, strict=True
    ):
        names = FLIPPED[label] if exchanged else range(3)
        for keypoint, (x, y, visibility) in zip(names, keypoints.tolist(), strict=True):
            if not visibility:
                assert (x, y) == (0, 0)
                continue
            assert 0 <= x < width
            assert 0 <= y < height
            count += 1
            # Discs are five pixels wide, so two towards the middle are of their colour.
            color = COLORS[3 * label + keypoint].astype(bool)
            assert ((sample.image[int(y), int(x)] > 100) == color).all()
    return count


def is_flipped(sample: Sample) -> bool:
    return bool(np.linalg.det(sample.view.input_from_image[:2, :2]) < 0)


@given(seeds, st.booleans(), st.floats(0, 1), st.booleans(), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_keypoints_follow_their_objects(
    seed: int, crop: bool, flip: float, turns: bool, rotate: float
) -> None:
    rng = np.random.default_rng(seed)
    augment = Augment(
        rule=RULE,
        window=RandomCrop() if crop else ShiftScale(),
        flip=flip,
        flip_vertical=flip,
        quarter_turns=turns,
        rotate=rotate,
        degrees=40.0,
    )
    result = augment([painted(rng)], rng, FLIPPED)

    check(result, exchanged=is_flipped(result))


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_keypoints_of_a_mosaic_follow_their_objects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    augment = Augment(rule=RULE, window=ShiftScale(), flip=0.0, quarter_turns=True, mosaic=1.0)
    result = augment([painted(rng) for _ in range(4)], rng, FLIPPED)

    check(result, exchanged=False)


def test_a_mosaic_keeps_the_keypoints_of_all_four() -> None:
    rng = np.random.default_rng(0)
    augment = Augment(rule=RULE, window=STILL, flip=0.0, mosaic=1.0)
    result = augment([painted(rng) for _ in range(4)], rng, FLIPPED)

    assert check(result, exchanged=False) >= 8


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_two_horizontal_flips_change_nothing(seed: int) -> None:
    sample = painted(np.random.default_rng(seed))
    size = sample.view.image_size
    once = warp_sample(sample, size, horizontal_flip(size[1]), flip_indices=FLIPPED)
    twice = warp_sample(once, size, horizontal_flip(size[1]), flip_indices=FLIPPED)

    assert np.array_equal(twice.image, sample.image)
    assert np.array_equal(twice.annotations.keypoints, sample.annotations.keypoints)
    assert not np.array_equal(once.annotations.keypoints, sample.annotations.keypoints)


def test_a_flip_exchanges_left_and_right_with_their_visibility() -> None:
    keypoints = np.array([[[10, 5, 2], [20, 5, 1], [30, 5, 2]]], dtype=np.float32)
    annotations = Annotations.of(np.array([[5, 0, 35, 10]], dtype=np.float32), np.array([0]), keypoints)
    sample = replace(sample_of(np.zeros((20, 50, 3), np.uint8), "blank"), annotations=annotations)
    result = warp_sample(sample, (20, 50), horizontal_flip(50), flip_indices=FLIPPED)
    plain = warp_sample(sample, (20, 50), horizontal_flip(50))

    # Pixel x becomes 49 - x.
    assert result.annotations.keypoints[0].tolist() == [[39, 5, 2], [19, 5, 2], [29, 5, 1]]
    assert plain.annotations.keypoints[0].tolist() == [[39, 5, 2], [29, 5, 1], [19, 5, 2]]


def test_a_rotation_by_180_degrees_exchanges_nothing() -> None:
    sample = painted(np.random.default_rng(0), (100, 100))
    rotated = translation(99.0, 99.0) @ rotation(np.pi)
    result = warp_sample(sample, (100, 100), rotated, flip_indices=FLIPPED)

    assert result.annotations.keypoints[..., :2] == pytest.approx(
        99 - sample.annotations.keypoints[..., :2], abs=1e-4
    )


def test_keypoints_outside_the_input_are_no_longer_labelled() -> None:
    places = [[0, 0, 2], [-0.5, 3, 2], [19.9, 9.9, 1], [20, 3, 2], [3, 10, 1], [5, 5, 0]]
    keypoints = np.array([places], dtype=np.float32)
    annotations = Annotations.of(np.array([[0, 0, 20, 10]], dtype=np.float32), np.array([0]), keypoints)
    sample = replace(sample_of(np.zeros((10, 20, 3), np.uint8), "blank"), annotations=annotations)
    result = warp_sample(sample, (10, 20), identity())

    assert result.annotations.keypoints[0, :, 2].tolist() == [2, 0, 1, 0, 0, 0]
    assert not result.annotations.keypoints[0, [1, 3, 4, 5]].any()


def test_resizing_moves_keypoints_as_boxes() -> None:
    sample = painted(np.random.default_rng(0))
    result = resize(sample, RULE)

    assert check(result, exchanged=False) == 6


def test_boxes_of_rotated_objects_are_axis_aligned_bounds() -> None:
    annotations = Annotations.of(np.array([[40, 40, 60, 60]], dtype=np.float32), np.array([0]))
    sample = replace(sample_of(np.zeros((100, 100, 3), np.uint8), "blank"), annotations=annotations)
    rotated = warp_sample(sample, (100, 100), crop_to_input((50.0, 50.0), 100.0, (100, 100), np.pi / 4))

    half = 10 * 2**0.5
    assert rotated.annotations.boxes[0] == pytest.approx(
        [50 - half, 50 - half, 50 + half, 50 + half], abs=1e-4
    )


def test_images_are_rotated_by_at_most_twice_the_deviation() -> None:
    augment = Augment(rule=RULE, window=STILL, flip=0.0, rotate=0.5, degrees=20.0)
    rng = np.random.default_rng(0)
    sample = painted(rng)
    angles = []
    for _ in range(400):
        matrix = augment([sample], rng).view.input_from_image
        angles.append(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))

    assert np.mean(np.array(angles) == 0) == pytest.approx(0.5, abs=0.1)
    assert np.abs(angles).max() <= 40 + 1e-6
    assert np.std([angle for angle in angles if angle]) == pytest.approx(19, abs=3)


def test_plain_inputs_are_not_rotated() -> None:
    augment = Augment(rule=RULE, window=STILL, rotate=1.0, degrees=20.0)

    assert augment.plain.rotate == 0
