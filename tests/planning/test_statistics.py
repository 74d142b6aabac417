"""Numbers about a data set that decide how to train on it."""

import pytest
from tests.helpers.planning import dataset

from centernet.planning.statistics import Statistics


def test_sizes_are_fractions_of_the_longer_side_of_each_image() -> None:
    numbers = Statistics.of(dataset([(100, 200), (400, 300)], [[[0, 0, 40, 10]], [[0, 0, 40, 40]]]))

    assert numbers.sizes == pytest.approx((0.1, 0.1, 0.1))
    assert numbers.pixels == pytest.approx((22, 30, 38))
    assert numbers.longest_side == 400
    assert (numbers.width, numbers.height, numbers.long_side) == (250, 250, 300)
    assert not numbers.is_one_shape


def test_crowd_regions_are_not_counted() -> None:
    numbers = Statistics.of(dataset([(100, 100)], [[[0, 0, 40, 10], [0, 0, 99, 99]]], crowd_from=1))

    assert (numbers.num_objects, numbers.most_objects, numbers.has_single_objects) == (1, 1, True)


def test_images_of_nearly_one_shape_are_said_to_be_of_one() -> None:
    sizes = [(480, 640)] * 19 + [(640, 480)]

    assert Statistics.of(dataset(sizes, [[[0, 0, 9, 9]]] * 20)).is_one_shape
    assert not Statistics.of(dataset(sizes[-3:], [[[0, 0, 9, 9]]] * 3)).is_one_shape


def test_the_line_about_the_data_names_size_as_width_by_height() -> None:
    line = str(Statistics.of(dataset([(480, 640)], [[[0, 0, 64, 64]]])))

    assert "1 image of 640×480; 1 object" in line or "1 image of 640×480; 1 objects" in line
    assert "10, 10, 10 %" in line


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ((40, 44, 38), True),  # of one size in pixels
        ((40, 80, 120), False),  # of one size relative to the image
    ],
)
def test_one_scale_is_that_of_images_whose_objects_differ_less_in_pixels(
    boxes: tuple[float, float, float], expected: bool
) -> None:
    sides = [(400, 400), (800, 600), (1000, 1200)]
    assert Statistics.of(dataset(sides, [[[0, 0, box, box]] for box in boxes])).has_one_scale == expected
    assert not Statistics.of(dataset(sides[:1] * 3, [[[0, 0, box, box]] for box in boxes])).has_one_scale
