import math

import numpy as np
import pytest

from centernet.data.synthetic import OUTLINES
from centernet.data.synthetic.shapes import Silhouette, place, stretch

UPRIGHT_SQUARE = np.array([(10.0, 20.0), (19.0, 20.0), (19.0, 26.0), (10.0, 26.0)])


def test_pixels_10_to_19_give_a_box_from_10_to_20() -> None:
    silhouette = Silhouette.of(UPRIGHT_SQUARE)

    assert silhouette.box((100, 100)) == (10, 20, 20, 27)
    assert silhouette.mask.sum() == 10 * 7


def test_a_box_is_clipped_to_the_image() -> None:
    silhouette = Silhouette.of(UPRIGHT_SQUARE - (15, 22))

    assert silhouette.box((3, 4)) == (0, 0, 4, 3)
    assert silhouette.mask.sum() == 10 * 7


def test_a_shape_outside_the_image_has_no_box() -> None:
    silhouette = Silhouette.of(UPRIGHT_SQUARE + 200)

    assert silhouette.box((100, 100)) is None


@pytest.mark.parametrize("kind", OUTLINES)
def test_the_middle_of_the_bounding_box_is_the_center_of_every_rotated_shape(kind: str) -> None:
    polygon = place(kind, (50.0, 40.0), 20.0, 0.7)

    assert (polygon.min(0) + polygon.max(0)) / 2 == pytest.approx([50.0, 40.0])
    assert np.ptp(polygon, axis=0).max() <= 40.0 + 1e-9


@pytest.mark.parametrize("kind", OUTLINES)
def test_a_stretched_shape_fills_its_box_to_the_last_pixel(kind: str) -> None:
    polygon = stretch(kind, (3.0, 5.0, 40.0, 16.0), 1.0)

    assert Silhouette.of(polygon).box((64, 64)) == (3, 5, 41, 17)


def test_a_quarter_turn_swaps_the_sides_of_a_bar() -> None:
    lying, standing = (np.ptp(place("bar", (0.0, 0.0), 10.0, angle), axis=0) for angle in (0.0, math.pi / 2))

    assert lying.tolist() == pytest.approx([20.0, 5.0])
    assert standing.tolist() == pytest.approx([5.0, 20.0])
