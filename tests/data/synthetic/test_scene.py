from typing import Any

import numpy as np
import pytest

from centernet.data.synthetic import MODES, OUTLINES, Scenes, generate
from centernet.errors import UsageError


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_image_for_any_number_of_images(mode: str) -> None:
    few, many = list(generate(3, mode=mode, seed=7)), list(generate(9, mode=mode, seed=7))

    for first, second in zip(few, many[:3], strict=True):
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.annotations.boxes, second.annotations.boxes)


def test_seeds_splits_and_indices_all_give_other_images() -> None:
    scenes = Scenes()
    images = [
        scenes.sample(0).image,
        scenes.sample(1).image,
        scenes.sample(0, "val").image,
        Scenes(seed=1).sample(0).image,
    ]

    assert len({image.tobytes() for image in images}) == 4


def test_images_are_generated_lazily() -> None:
    first = next(generate(10**9))

    assert first.image.shape == (128, 128, 3)


def test_six_shapes_are_available() -> None:
    scenes = Scenes(mode="crowd", shapes=tuple(OUTLINES))
    labels = np.concatenate([scenes.sample(index).annotations.labels for index in range(5)])

    assert scenes.categories.names == ("circle", "square", "triangle", "star", "cross", "bar")
    assert set(labels.tolist()) == set(range(6))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"mode": "easy"},
            "mode is one of plain, crowd, collision, crossing, hard, figures, roads; got 'easy'",
        ),
        ({"size": (0, 5)}, "size is 1 to 16384 rows and columns; got 0 and 5"),
        ({"size": (5, 20000)}, "size is 1 to 16384 rows and columns; got 5 and 20000"),
        ({"shapes": ("circle", "blob")}, "got circle, blob"),
        ({"shapes": ("circle", "circle")}, "shapes are different ones"),
        ({"shapes": ()}, "shapes are different ones"),
        ({"max_hidden": 1.0}, "max_hidden is a fraction"),
        ({"seed": -1}, "seed is a number from 0 to 9223372036854775807; got -1"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scenes(**settings)


def test_a_negative_count_is_refused_before_the_first_image() -> None:
    with pytest.raises(UsageError, match="count is a number of images, 0 or more; got -1"):
        generate(-1)


def test_a_size_of_three_numbers_is_refused() -> None:
    with pytest.raises(UsageError, match="got 3 numbers"):
        generate(1, size=(4, 4, 4))
