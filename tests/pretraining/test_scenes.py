"""Scenes that detectors are pre-trained on: their promises, over a few dozen of them."""

from functools import cache

import numpy as np
import pytest
from pretraining.scenes import SPECIES, Scene, _draw, _Place, scene
from pretraining.things import SIDE, Thing, fresh, species

HEIGHT, WIDTH = 192, 256


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(scene(number, HEIGHT, WIDTH) for number in range(80))


def test_a_number_gives_the_same_scene_whatever_was_drawn_before() -> None:
    species.cache_clear()
    alone = scene(61, HEIGHT, WIDTH)
    again = scenes()[61]

    assert np.array_equal(alone.image, again.image)
    assert np.array_equal(alone.boxes, again.boxes)
    assert np.array_equal(alone.species, again.species)


def test_other_numbers_give_other_scenes() -> None:
    assert len({one.image.tobytes() for one in scenes()}) == len(scenes())


@pytest.mark.parametrize("size", [(320, 192), (64, 64), (97, 131)])
def test_images_have_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    one = scene(0, *size)

    assert one.image.shape == (*size, 3)
    assert one.image.dtype == np.uint8


def test_boxes_lie_in_the_image_and_have_an_area() -> None:
    for one in scenes():
        assert one.boxes.dtype == np.float32
        assert one.boxes.shape == (len(one.species), 4)
        assert (one.boxes >= 0).all()
        assert (one.boxes <= (WIDTH, HEIGHT, WIDTH, HEIGHT)).all()
        assert (one.boxes[:, 2:] > one.boxes[:, :2]).all()


def test_kinds_are_of_the_vocabulary_and_small_objects_have_none() -> None:
    for one in scenes():
        assert one.species.dtype == np.int64
        assert ((one.species >= -1) & (one.species < SPECIES)).all()
        small = (one.boxes[:, 2:] - one.boxes[:, :2]).min(axis=1) < 12
        assert (one.species[small] == -1).all()


def test_images_have_few_or_many_objects_small_and_large_with_kinds_or_without() -> None:
    counts = np.array([len(one.boxes) for one in scenes()])
    boxes = np.concatenate([one.boxes for one in scenes()])
    sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / WIDTH
    named = np.array([(one.species >= 0).any() for one in scenes()])

    assert counts.min() <= 2
    assert counts.max() >= 20
    assert np.quantile(sizes, 0.05) < 0.09
    assert np.quantile(sizes, 0.95) > 0.35
    assert 0.4 < named.mean() < 0.9


def test_some_images_are_grey() -> None:
    is_grey = [np.ptp(one.image.astype(int), axis=2).max() < 40 for one in scenes()]

    assert 0.02 < np.mean(is_grey) < 0.4


@pytest.mark.parametrize("number", range(24))
def test_a_box_holds_the_pixels_that_were_drawn_and_no_more(number: int) -> None:
    rng = np.random.default_rng(number)
    shape = fresh(rng)
    white = Thing(shape.outline, shape.hole, np.full((SIDE, SIDE, 3), 255, np.uint8), shape.aspect)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    owners = np.full((HEIGHT, WIDTH), -1, np.int16)
    # Shadows do not show on black. Some of the objects are cut by the border.
    place = _Place(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(20, 120), rng.uniform(0, 6))
    drawn = _draw(image, owners, white, place, 0, rng)
    if drawn is None:
        pytest.skip("too little of it lies in the image")
    rows, columns = np.nonzero(image.max(axis=2))

    extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    # Tips that cover less than half of a pixel are drawn, and belong to no box.
    assert np.abs(drawn[0] - extent).max() <= 2
    assert drawn[1] == (owners == 0).sum()


def test_sisters_share_an_outline_and_differ_inside() -> None:
    for first in range(0, SPECIES, 64):
        sisters = [species(first + i) for i in range(4)]

        assert all(np.array_equal(one.outline, sisters[0].outline) for one in sisters)
        assert all(one.aspect == sisters[0].aspect for one in sisters)
        assert len({one.surface.tobytes() for one in sisters}) == 4


def test_kinds_of_other_groups_have_other_surfaces() -> None:
    # Outlines may be the same: there are only a few superellipses.
    assert len({species(first).surface.tobytes() for first in range(0, SPECIES, 4)}) == SPECIES // 4
