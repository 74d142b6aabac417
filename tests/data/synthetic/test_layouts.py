from itertools import combinations

import numpy as np
import pytest

from centernet.data.synthetic import HARD_CASES, MODES, Scenes, generate
from centernet.data.synthetic.layouts import ODD_SIZES
from centernet.structures import Sample


def hard_case(case: str, count: int = 10) -> list[Sample]:
    """The first images of one hard case."""
    start, step = list(HARD_CASES).index(case), len(HARD_CASES)
    scenes = Scenes(mode="hard", size=(96, 128))
    return [scenes.sample(start + step * turn) for turn in range(count)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(128, 128), (33, 517), (1, 37), (1, 1), (640, 16)])
def test_every_box_of_every_mode_is_inside_its_image_and_has_an_area(
    mode: str, size: tuple[int, int]
) -> None:
    for sample in generate(12, mode=mode, size=size):
        height, width = sample.image.shape[:2]
        x1, y1, x2, y2 = sample.annotations.boxes.T

        assert sample.view.image_size == (height, width)
        assert (x1 >= 0).all()
        assert (y1 >= 0).all()
        assert (x2 <= width).all()
        assert (y2 <= height).all()
        assert (x2 - x1 >= 1).all()
        assert (y2 - y1 >= 1).all()


def test_plain_has_one_to_five_objects_of_every_class() -> None:
    samples = list(generate(100))
    counts = [len(sample.annotations) for sample in samples]
    labels = np.concatenate([sample.annotations.labels for sample in samples])
    sides = np.concatenate([np.ptp(sample.annotations.boxes.reshape(-1, 2, 2), axis=1) for sample in samples])

    assert set(counts) == {1, 2, 3, 4, 5}
    assert np.bincount(labels).min() > 50
    assert sides.min() >= 8
    assert sides.max() <= 50


def test_crowd_has_many_objects_that_overlap() -> None:
    counts = [len(sample.annotations) for sample in generate(20, mode="crowd")]

    assert np.mean(counts) > 20


@pytest.mark.parametrize("mode", ["collision", "crossing"])
def test_two_centres_of_a_class_are_in_the_same_or_neighbouring_cells_of_every_image(mode: str) -> None:
    distances = []
    for sample in generate(50, mode=mode):
        objects = sample.annotations
        cells = np.floor((objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2 / 4)
        pairs = [
            np.abs(cells[first] - cells[second]).max()
            for first, second in combinations(range(len(objects)), 2)
            if objects.labels[first] == objects.labels[second]
        ]
        distances.append(min(pairs))

    assert max(distances) <= 1
    assert 0 in distances


def sizes_of_those_that_meet(mode: str) -> np.ndarray:
    """Square roots of the areas of pairs of one class with middles less than a cell apart, larger first."""
    pairs = []
    for sample in generate(50, mode=mode):
        objects = sample.annotations
        middles = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
        sides = np.sqrt(np.prod(objects.boxes[:, 2:] - objects.boxes[:, :2], axis=1))
        pairs += [
            sorted((sides[first], sides[second]))[::-1]
            for first, second in combinations(range(len(objects)), 2)
            if objects.labels[first] == objects.labels[second]
            and np.abs(middles[first] - middles[second]).max() < 4
        ]
    return np.array(pairs)


def test_colliding_objects_are_of_half_the_size() -> None:
    larger, smaller = sizes_of_those_that_meet("collision").T

    assert len(larger) > 100
    # Outlines cover whole pixels, so small shapes are a little larger than drawn.
    assert np.quantile(smaller / larger, 0.95) < 0.5


def test_crossing_objects_are_of_about_equal_size() -> None:
    larger, smaller = sizes_of_those_that_meet("crossing").T

    assert len(larger) > 80
    assert (smaller / larger).min() > 0.85


def test_collision_never_has_the_same_box_twice() -> None:
    for sample in generate(50, mode="collision"):
        assert len(np.unique(sample.annotations.boxes, axis=0)) == len(sample.annotations)


def test_hard_has_images_without_objects() -> None:
    assert [len(sample.annotations) for sample in hard_case("no object")] == [0] * 10


def test_hard_has_objects_cut_at_every_border() -> None:
    boxes = np.concatenate([sample.annotations.boxes for sample in hard_case("cut by the border")])

    assert (boxes[:, 0] == 0).any()
    assert (boxes[:, 1] == 0).any()
    assert (boxes[:, 2] == 128).any()
    assert (boxes[:, 3] == 96).any()
    assert ((boxes == [0, 0, 128, 96]).any(1)).all()


def test_hard_has_objects_of_one_to_three_pixels() -> None:
    boxes = np.concatenate([sample.annotations.boxes for sample in hard_case("one to three pixels")])
    sides = boxes[:, 2:] - boxes[:, :2]

    assert set(sides.ravel().tolist()) == {1, 2, 3}


def test_hard_has_an_object_as_large_as_the_image() -> None:
    boxes = [sample.annotations.boxes.tolist() for sample in hard_case("as large as the image")]

    assert boxes == [[[0, 0, 128, 96]]] * 10


def test_hard_has_images_of_odd_size() -> None:
    sizes = [sample.image.shape[:2] for sample in hard_case("odd image size", len(ODD_SIZES))]

    assert tuple(sizes) == ODD_SIZES


def test_hard_has_grey_images() -> None:
    assert all((sample.image == sample.image[..., :1]).all() for sample in hard_case("grey image"))
