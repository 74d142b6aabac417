"""Mixes of two inputs: every box contains its object, in its own colour."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centernet.data.transforms.augment import Augment, RandomCrop, ShiftScale
from centernet.data.transforms.mixing import copy_paste_samples, mixup_samples
from centernet.geometry.resize import Letterbox, ResizeLongestSide
from centernet.structures import Annotations, Sample
from centernet.structures.sample import sample_of

SIZE = (120, 150)
RULE = Letterbox(height=160, width=160)
STILL = ShiftScale(shift=0.0, scale=0.0)
COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]], dtype=np.uint8)
"""One for each label."""

seeds = st.integers(0, 2**32 - 1)


def with_boxes(
    boxes: list[list[int]], labels: list[int], size: tuple[int, int] = SIZE, ground: int = 0
) -> Sample:
    """Filled rectangles whose sides are the middles of their outer pixels; later ones cover earlier ones."""
    image = np.full((*size, 3), ground, dtype=np.uint8)
    for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
        image[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = COLORS[label]
    annotations = Annotations.of(
        np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(labels, dtype=np.int64)
    )
    return replace(sample_of(image, "boxes"), annotations=annotations)


def scattered(rng: np.random.Generator, labels: list[int]) -> Sample:
    """A rectangle for each label, side by side."""
    room = SIZE[1] // len(labels)
    boxes = []
    for i in range(len(labels)):
        left, right = np.sort(rng.integers(1, room - 12, 2)) + np.array([0, 10]) + i * room
        top, bottom = np.sort(rng.integers(0, SIZE[0] - 11, 2)) + np.array([0, 10])
        boxes.append([int(left), int(top), int(right), int(bottom)])
    return with_boxes(boxes, labels)


def fraction_in_color(sample: Sample, box: np.ndarray, label: int) -> float:
    left, top = np.ceil(box[:2]).astype(int).clip(0)
    right, bottom = np.floor(box[2:]).astype(int)
    inside = sample.image[top : bottom + 1, left : right + 1]
    return float((inside == COLORS[label]).all(axis=2).mean())


@given(seeds)
@settings(max_examples=80, deadline=None)
def test_pasted_and_other_objects_are_in_their_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample, source = scattered(rng, [0, 1]), scattered(rng, [2, 3, 4])
    pasted = copy_paste_samples(sample, source, rng)

    assert (pasted.annotations.boxes[:2] == sample.annotations.boxes).all()
    assert (pasted.annotations.labels[:2] == [0, 1]).all()
    assert set(pasted.annotations.labels[2:].tolist()) <= {2, 3, 4}
    placed = list(zip(pasted.annotations.boxes, pasted.annotations.labels.tolist(), strict=True))
    for place, (box, label) in enumerate(placed):
        # Each of those pasted later changes three tenths of the area at most: up to four of the pixels.
        later = len(placed) - max(place + 1, 2)
        assert fraction_in_color(pasted, box, label) >= 1 - 0.4 * later
    height, width = SIZE
    assert (pasted.annotations.boxes >= 0).all()
    assert (pasted.annotations.boxes <= np.array([width, height] * 2) - 1).all()


def test_pasted_boxes_keep_their_size() -> None:
    sample, source = with_boxes([], []), with_boxes([[10, 20, 29, 59]], [2])
    pasted = copy_paste_samples(sample, source, np.random.default_rng(3))

    assert (pasted.annotations.boxes[0, 2:] - pasted.annotations.boxes[0, :2]).tolist() == [19, 39]
    assert (pasted.image == COLORS[2]).all(axis=2).sum() == 20 * 40


def test_objects_are_pasted_anywhere() -> None:
    sample, source = with_boxes([], []), with_boxes([[10, 20, 29, 59]], [2])
    corners = np.array(
        [
            copy_paste_samples(sample, source, np.random.default_rng(seed)).annotations.boxes[0, :2]
            for seed in range(300)
        ]
    )

    assert corners.min(axis=0).tolist() == [0, 0]
    assert corners.max(axis=0).tolist() == [150 - 20, 120 - 40]


def test_where_there_is_no_room_nothing_is_pasted() -> None:
    rows = [[x, y, x + 9, y + 9] for y in range(0, 120, 10) for x in range(0, 150, 10)]
    full = with_boxes(rows, [i % 2 for i in range(len(rows))])
    pasted = copy_paste_samples(full, with_boxes([[20, 20, 60, 60]], [2]), np.random.default_rng(0))

    assert (pasted.image == full.image).all()
    assert (pasted.annotations.boxes == full.annotations.boxes).all()


@pytest.mark.parametrize(
    ("boxes", "pasted_labels"),
    [
        # One within the other: the outer one is pasted with the inner one, and the inner one alone.
        ([[20, 20, 80, 80], [40, 40, 50, 50]], [{0, 1}, {1}, {0, 1}]),
        # Half of each is in the other: neither can be copied without a part of the other.
        ([[20, 20, 60, 60], [40, 20, 80, 60]], [set()]),
        # Cut by the border of the input: the cut would be visible.
        ([[-20, 20, 60, 60]], [set()]),
    ],
)
def test_only_wholly_visible_objects_are_pasted(
    boxes: list[list[int]], pasted_labels: list[set[int]]
) -> None:
    source = with_boxes(boxes, list(range(len(boxes))))
    pasted_sets = [
        frozenset(
            copy_paste_samples(
                with_boxes([], []), source, np.random.default_rng(seed)
            ).annotations.labels.tolist()
        )
        for seed in range(40)
    ]

    assert set(pasted_sets) <= {frozenset(one) for one in pasted_labels}


def test_crowds_are_not_pasted() -> None:
    source = with_boxes([[20, 20, 60, 60]], [0])
    crowd = replace(source, annotations=replace(source.annotations, is_crowd=np.array([True])))

    assert len(copy_paste_samples(with_boxes([], []), crowd, np.random.default_rng(0)).annotations) == 0


def test_pasting_leaves_the_inputs_as_they_are() -> None:
    sample, source = with_boxes([[0, 0, 20, 20]], [0]), with_boxes([[60, 60, 90, 90]], [1])
    before = sample.image.copy(), source.image.copy()
    copy_paste_samples(sample, source, np.random.default_rng(0))

    assert (sample.image == before[0]).all()
    assert (source.image == before[1]).all()


def test_the_margin_of_a_pasted_box_fades_out() -> None:
    source = with_boxes([[60, 50, 90, 70]], [0], ground=200)
    pasted = copy_paste_samples(with_boxes([], []), source, np.random.default_rng(1))
    left, top, right, bottom = pasted.annotations.boxes[0].astype(int)

    # The source's background of 200, in steps of a quarter.
    middle = (top + bottom) // 2
    assert pasted.image[middle, right + 1 : right + 5, 2].tolist() == [150, 100, 50, 0]
    assert pasted.image[middle, left - 4 : left, 2].tolist() == [0, 50, 100, 150]


def test_keypoints_move_with_their_box_and_those_behind_it_are_hidden() -> None:
    def with_keypoints(sample: Sample, keypoints: list[list[float]]) -> Sample:
        points = np.array([keypoints], dtype=np.float32)
        return replace(sample, annotations=replace(sample.annotations, keypoints=points))

    # The sample's box is the whole input, so pasted boxes cover it, and sometimes over its keypoint.
    sample = with_keypoints(with_boxes([[0, 0, 149, 119]], [0]), [[75, 60, 2], [0, 0, 2], [0, 0, 0]])
    source = with_keypoints(with_boxes([[40, 30, 80, 70]], [1]), [[50, 40, 2], [100, 40, 2], [0, 0, 0]])
    behind = 0
    for seed in range(30):
        pasted = copy_paste_samples(sample, source, np.random.default_rng(seed)).annotations
        move = pasted.boxes[1, :2] - [40, 30]
        is_behind = (pasted.boxes[1, :2] <= [75, 60]).all() and (pasted.boxes[1, 2:] >= [75, 60]).all()
        behind += is_behind

        assert pasted.keypoints[1].tolist() == [[move[0] + 50, move[1] + 40, 2], [0, 0, 0], [0, 0, 0]]
        assert pasted.keypoints[0, 0].tolist() == [75, 60, 1 if is_behind else 2]
        assert pasted.keypoints[0, 2].tolist() == [0, 0, 0]

    assert 0 < behind < 30


def test_mixup_keeps_the_objects_of_both_and_blends_their_pixels() -> None:
    sample, other = with_boxes([[10, 10, 40, 40]], [0]), with_boxes([[30, 30, 80, 80]], [1])
    weights = []
    for seed in range(200):
        mixed = mixup_samples(sample, other, np.random.default_rng(seed))
        red, green = mixed.image[35, 35, 0] / 255, mixed.image[35, 35, 1] / 255
        weights.append(red)

        assert red + green == pytest.approx(1, abs=0.01)
        assert mixed.image[20, 20].tolist() == [mixed.image[35, 35, 0], 0, 0]
        assert mixed.image[70, 70].tolist() == [0, mixed.image[35, 35, 1], 0]
        assert mixed.annotations.boxes.tolist() == [[10, 10, 40, 40], [30, 30, 80, 80]]
        assert mixed.annotations.labels.tolist() == [0, 1]

    # Beta(8, 8): mean one half, deviation 1 / sqrt(4 * 17).
    assert np.mean(weights) == pytest.approx(0.5, abs=0.03)
    assert np.std(weights) == pytest.approx(0.121, abs=0.02)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_boxes_of_augmented_and_mixed_images_follow_their_objects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    augment = Augment(rule=RULE, window=RandomCrop(), quarter_turns=True)
    alone = augment([with_boxes([], [])], rng, (), scattered(rng, [0]), scattered(rng, [2]))

    assert set(alone.annotations.labels.tolist()) <= {0, 2}
    for box, label in zip(alone.annotations.boxes, alone.annotations.labels.tolist(), strict=True):
        # Sides are blurred where images are enlarged, so two pixels at each are left out.
        left, top, right, bottom = np.concatenate([box[:2] + 2, box[2:] - 1]).clip(0, 160).astype(int)
        inside = alone.image[top:bottom, left:right, COLORS[label] > 0]
        # A weight of Beta(8, 8) is hardly ever below one tenth.
        assert inside.size == 0 or inside.min() > 25


def test_images_of_any_size_are_mixed_into_the_input_of_the_first() -> None:
    augment = Augment(rule=ResizeLongestSide(long_side=64), window=STILL, flip=0.0)
    wide, tall = with_boxes([[5, 5, 30, 30]], [0], (60, 120)), with_boxes([[5, 5, 30, 30]], [1], (120, 60))
    result = augment([wide], np.random.default_rng(0), (), tall, tall)

    assert result.image.shape == (32, 64, 3)
    assert result.view.input_size == (32, 64)


def test_plain_inputs_mix_nothing() -> None:
    augment = Augment(rule=RULE, window=STILL, mixup=1.0, copy_paste=1.0)

    assert (augment.plain.mixup, augment.plain.copy_paste) == (0, 0)
