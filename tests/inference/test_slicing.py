"""Large images in tiles: what is found in them is what is there, each object once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from centernet.data.synthetic import Scenes
from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.boxes import box_areas, iou_matrix
from centernet.geometry.camera import project
from centernet.geometry.resize import Letterbox
from centernet.inference.options import InferenceOptions
from centernet.inference.preprocess import ModelInput
from centernet.inference.slicing import Slicing, Tile, merge
from centernet.inference.stream import detect_stream, samples_of
from centernet.io.sources import frames
from centernet.structures import Categories, Sample, Skeleton
from centernet.structures.sample import sample_of

NAMES = Categories.of("cat", "dog", "cow")
CAMERA = np.array([[700.0, 0, 600, 0], [0, 700, 400, 0], [0, 0, 1, 0]])
RULE = Letterbox(height=64, width=64)


def to_detections(boxes: Any, scores: Any, labels: Any, size: tuple[int, int], **more: Any) -> Detections:
    return Detections(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32).reshape(-1),
        labels=np.array(labels, dtype=np.int64).reshape(-1),
        image_size=size,
        **{"name": "image", "categories": NAMES, **more},
    )


@dataclass
class Oracle:
    """Knows the objects of an image, and finds in a part of it what a detector would: pieces where it cuts.

    Attributes:
        image: The image.
        boxes: Of the objects.
        labels: Of each.
        side: What is larger is shrunk to this side before it is looked at.
        least: What is smaller then is not seen.
        noise: Deviation of each side of a box that it gives, as a share of the box.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    side: int
    least: float = 6.0
    noise: float = 0.0
    rule: Letterbox = RULE
    stride: int = 4
    most: int = 500
    max_concurrency: int = 2
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions | None = None
    ) -> list[Detections]:
        assert inference is not None
        return [self._detect(image.sample) for image in images]

    def _detect(self, sample: Sample) -> Detections:
        height, width = sample.view.image_size
        top, left = self._place_of(sample.image)
        window = np.array([left, top, left + width, top + height])
        pieces = np.clip(self.boxes, np.tile(window[:2], 2), np.tile(window[2:], 2))
        share = min(1.0, self.side / max(height, width))
        is_seen = ((pieces[:, 2:] - pieces[:, :2]) * share).min(axis=1) >= self.least
        # Pieces are less sure.
        scores = 0.5 + 0.4 * box_areas(pieces) / box_areas(self.boxes)
        sides = np.tile(pieces[:, 2:] - pieces[:, :2], 2)
        pieces = pieces + self.noise * sides * self.rng.normal(size=pieces.shape)
        pieces = np.clip(pieces - np.tile(window[:2], 2), 0, [width, height] * 2)
        return to_detections(pieces[is_seen], scores[is_seen], self.labels[is_seen], (height, width))

    def _place_of(self, tile: np.ndarray) -> tuple[int, int]:
        """Row and column at which a view of the image's pixels begins."""
        first, own = (array.__array_interface__["data"][0] for array in (self.image, tile))
        return divmod((own - first) // 3, self.image.shape[1])


def look_in_tiles(oracle: Oracle, slicing: Slicing, **ways: int) -> Detections:
    (found,) = detect_stream(oracle, samples_of(frames(oracle.image)), slicing=slicing, **ways)
    return found


def scattered(count: int, height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Objects of many sizes anywhere, no two of which share much."""
    rng = np.random.default_rng(seed)
    boxes = np.zeros((0, 4))
    while len(boxes) < count:
        sides = rng.uniform(12, 120, size=2) * rng.choice([1, 1, 1, 4])
        corner = rng.uniform(0, [width, height]) - sides / 2
        box = np.clip(np.concatenate([corner, corner + sides]), 0, [width, height] * 2).round()[None]
        if (box[0, 2:] - box[0, :2]).min() >= 10 and not (iou_matrix(box, boxes) > 0.3).any():
            boxes = np.concatenate([boxes, box])
    return boxes, rng.integers(2, size=count)


def left_over(found: Detections, boxes: np.ndarray, labels: np.ndarray, least: float) -> tuple[list, list]:
    """Objects that nothing fits to this IoU, and detections that fit no object."""
    overlaps = iou_matrix(found.boxes.astype(np.float64), boxes.astype(np.float64))
    overlaps[found.labels[:, None] != labels] = 0
    is_missed = overlaps.max(axis=0, initial=0) < least
    is_more = overlaps.max(axis=1, initial=0) < least
    return boxes[is_missed].tolist(), found.boxes[is_more].tolist()


@pytest.mark.parametrize("size", [(640, 640), (641, 640), (1000, 700), (300, 2000), (1500, 1500)])
@pytest.mark.parametrize(
    "slicing", [Slicing(), Slicing(side=300, overlap=0.0), Slicing(side=500, overlap=0.5)]
)
def test_tiles_cover_the_image_overlap_and_are_of_one_size(size: tuple[int, int], slicing: Slicing) -> None:
    tiles = list(slicing.tiles(sample_of(np.zeros((*size, 3), dtype=np.uint8), "image")))
    tiles = tiles[:-1]
    is_covered = np.zeros(size, dtype=bool)
    for tile in tiles:
        left, top, right, bottom = tile.window
        is_covered[top:bottom, left:right] = True
    lefts = sorted({tile.window[0] for tile in tiles})

    assert [tile.is_last for tile in tiles] == [False] * len(tiles) + [True]
    assert tiles[-1].sample.view.image_size == size
    assert bool(tiles) == (max(size) > slicing.side)
    assert is_covered.all() or not tiles
    assert {tile.sample.view.image_size for tile in tiles} <= {tuple(np.minimum(size, slicing.side).tolist())}
    assert all(right - left <= slicing.side * (1 - slicing.overlap) for left, right in pairwise(lefts))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("height", "width"), [(700, 900), (400, 1600)])
def test_objects_anywhere_are_found_once(seed: int, height: int, width: int) -> None:
    boxes, labels = scattered(60, height, width, seed)
    oracle = Oracle(np.zeros((height, width, 3), dtype=np.uint8), boxes, labels, side=256)
    found = look_in_tiles(oracle, Slicing(side=256, overlap=0.25), batch=3, workers=2)

    assert left_over(found, boxes, labels, least=0.999) == ([], [])
    assert len(found) == 60
    assert found.image is oracle.image
    assert found.image_size == (height, width)
    assert (np.diff(found.scores) <= 0).all()


def test_objects_whose_sides_are_missed_by_a_little_are_found_once() -> None:
    missed, more = [], []
    for seed in range(6):
        boxes, labels = scattered(60, 700, 900, seed)
        image = np.zeros((700, 900, 3), dtype=np.uint8)
        oracle = Oracle(image, boxes, labels, side=256, noise=0.03)
        found = look_in_tiles(oracle, Slicing(side=256, overlap=0.25))
        tiles = left_over(found, boxes, labels, least=0.6)
        missed, more = missed + tiles[0], more + tiles[1]

    assert missed == []
    assert len(more) <= 1


def test_generated_scenes_side_by_side_are_found_as_they_were_drawn() -> None:
    generator = Scenes(size=(128, 128))
    samples = [generator.sample(index) for index in range(24)]
    rows = [
        np.concatenate([one.image for one in samples[first : first + 6]], axis=1) for first in range(0, 24, 6)
    ]
    places = [(128 * (i % 6), 128 * (i // 6)) for i in range(24)]
    boxes = np.concatenate(
        [one.annotations.boxes + np.tile(place, 2) for one, place in zip(samples, places, strict=True)]
    )
    labels = np.concatenate([one.annotations.labels for one in samples])
    # Tiles begin at 0, 156, 312, 468 and 0, 156, 312: borders run through scenes and through objects.
    oracle = Oracle(np.concatenate(rows), boxes, labels, side=200, least=2)
    tiles = list(Slicing(side=200).tiles(sample_of(oracle.image, "image")))[:-1]
    found = look_in_tiles(oracle, Slicing(side=200), batch=4, workers=1)

    inner = [one.window[0] for one in tiles if one.window[0]]
    assert any(((boxes[:, 0] < x) & (boxes[:, 2] > x)).any() for x in inner)
    assert left_over(found, boxes, labels, least=0.999) == ([], [])
    assert len(found) == len(boxes)


def test_an_object_larger_than_the_overlap_is_put_together_where_no_look_shows_all_of_it() -> None:
    image = np.zeros((200, 4000, 3), dtype=np.uint8)
    # Tiles begin each 200 pixels or less, and are 250 wide: none of them shows all of the first.
    boxes, labels = np.array([[120.0, 40, 330, 100], [600, 20, 630, 60]]), np.array([0, 1])
    oracle = Oracle(image, boxes, labels, side=250, least=8)
    found = look_in_tiles(oracle, Slicing(side=250))

    assert left_over(found, boxes, labels, least=0.999) == ([], [])
    assert len(found) == 2


def detections_at_scale(
    sizes: tuple[int, int], slicing: Slicing, found: Sequence[tuple[Any, Any, Any]], **more: Any
) -> list[tuple[Tile, Detections]]:
    """What each part of an image shows: boxes in pixels of the image, scores, labels."""
    sample = sample_of(np.zeros((*sizes, 3), dtype=np.uint8), "image", camera=CAMERA)
    looks = []
    for tile, (boxes, scores, labels) in zip(slicing.tiles(sample), found, strict=True):
        moved = np.array(boxes, dtype=np.float32).reshape(-1, 4) - np.tile(tile.window[:2], 2)
        looks.append((tile, to_detections(moved, scores, labels, tile.sample.view.image_size, **more)))
    return looks


NOTHING: tuple[Any, Any, Any] = ([], [], [])
# Two tiles: columns 0 to 100 and 60 to 160, and the whole.
TWO, SIZE = Slicing(side=100, overlap=0.3), (100, 160)


def test_the_surest_of_what_several_parts_show_is_kept() -> None:
    found = merge(
        detections_at_scale(
            SIZE,
            TWO,
            [
                ([[70, 10, 90, 30]], [0.6], [0]),
                ([[71, 10, 91, 30]], [0.8], [0]),
                ([[72, 10, 90, 29]], [0.7], [0]),
            ],
        ),
        most=9,
    )

    assert found.boxes.tolist() == [[71, 10, 91, 30]]
    assert found.scores == pytest.approx([0.8])


def test_a_whole_box_is_kept_rather_than_a_surer_piece_and_is_as_sure() -> None:
    found = merge(
        detections_at_scale(
            SIZE, TWO, [([[80, 10, 100, 30]], [0.9], [0]), ([[80, 10, 120, 30]], [0.5], [0]), NOTHING]
        ),
        most=9,
    )

    assert found.boxes.tolist() == [[80, 10, 120, 30]]
    assert found.scores == pytest.approx([0.9])


def test_what_is_hardly_seen_takes_nothing_from_what_is_sure() -> None:
    found = merge(
        detections_at_scale(
            SIZE, TWO, [([[80, 10, 100, 30]], [0.9], [0]), NOTHING, ([[80, 5, 150, 35]], [0.02], [0])]
        ),
        most=9,
    )

    assert found.boxes[0].tolist() == [80, 10, 100, 30]


def test_one_part_that_shows_two_objects_is_believed() -> None:
    pair = [[70, 10, 90, 30], [74, 10, 94, 30]]
    once = merge(detections_at_scale(SIZE, TWO, [(pair, [0.9, 0.8], [0, 0]), NOTHING, NOTHING]), most=9)
    twice = merge(
        detections_at_scale(SIZE, TWO, [(pair, [0.9, 0.8], [0, 0]), (pair, [0.7, 0.9], [0, 0]), NOTHING]),
        most=9,
    )
    mixed = merge(
        detections_at_scale(SIZE, TWO, [(pair[:1], [0.9], [0]), (pair, [0.7, 0.8], [0, 0]), NOTHING]), most=9
    )

    for found in (once, twice, mixed):
        assert sorted(found.boxes.tolist()) == pair


def test_a_small_object_before_a_large_one_stays() -> None:
    large, small = [10, 5, 150, 95], [85, 40, 98, 55]
    left = ([[10, 5, 100, 95], small], [0.7, 0.9], [0, 0])
    right = ([[60, 5, 150, 95], small], [0.7, 0.9], [0, 0])
    found = merge(detections_at_scale(SIZE, TWO, [left, right, ([large], [0.8], [0])]), most=9)

    assert sorted(found.boxes.tolist()) == [large, small]


def test_classes_are_apart_unless_they_do_not_count() -> None:
    looks = detections_at_scale(
        SIZE, TWO, [([[70, 10, 90, 30]], [0.6], [0]), ([[70, 10, 90, 30]], [0.8], [1]), NOTHING]
    )

    assert merge(looks, most=9).labels.tolist() == [1, 0]
    assert merge(looks, most=9, across_classes=True).labels.tolist() == [1]


def test_the_best_are_kept_and_the_worst_not_looked_at() -> None:
    looks = detections_at_scale(
        SIZE, TWO, [([[10, 10, 20, 20], [30, 10, 40, 20]], [0.6, 0.2], [0, 0]), NOTHING, NOTHING]
    )

    assert merge(looks, most=1).scores == pytest.approx([0.6])
    assert merge(looks, most=9, least=0.3).scores == pytest.approx([0.6])
    assert len(merge(looks, most=9)) == 2
    assert len(merge(detections_at_scale(SIZE, TWO, [NOTHING] * 3), most=9)) == 0


def test_keypoints_move_with_their_boxes_and_come_from_the_look_that_is_surest_of_them() -> None:
    names = Categories(("cat", "dog"), (0, 1), (Skeleton(names=("head", "tail")), None))
    # Two pieces of one cat: the left tile sees its head, the right one its tail. A dog has neither.
    left, right = [5, 10, 100, 60], [60, 10, 155, 60]
    seen = [([left], [0.6], [0]), ([right, [62, 70, 80, 90]], [0.6, 0.5], [0, 1]), NOTHING]
    looks = detections_at_scale(SIZE, TWO, seen, categories=names)
    points = [
        [[[10, 20, 0.9], [90, 30, 0.1]]],
        [[[5, 25, 0.2], [85, 30, 0.8]], np.zeros((2, 3))],
        np.zeros((0, 2, 3)),
    ]
    looks = [
        (tile, replace(found, keypoints=np.array(own, dtype=np.float32)))
        for (tile, found), own in zip(looks, points, strict=True)
    ]
    found = merge(looks, most=9)

    assert found.boxes.tolist() == [[5, 10, 155, 60], [62, 70, 80, 90]]
    assert found.keypoints[0] == pytest.approx(np.array([[10, 20, 0.9], [145, 30, 0.8]]))
    assert found.keypoints[1].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_camera_of_a_tile_sees_the_same_metres() -> None:
    points = np.array([[1.0, 2, 20], [-3, 1, 15]])
    sample = sample_of(np.zeros((800, 1200, 3), dtype=np.uint8), "image", camera=CAMERA)
    for tile in Slicing(side=500).tiles(sample):
        assert tile.sample.view.camera is not None
        seen = project(tile.sample.view.camera, points) + np.array(tile.window[:2])

        np.testing.assert_allclose(seen, project(CAMERA, points))


def test_boxes_in_space_stay_where_they_are_and_the_camera_is_that_of_the_image() -> None:
    solid = np.array([[1.5, 1.6, 4, 1, 2, 20, 0.3]], dtype=np.float32)
    more = {"boxes3d": solid, "alpha_rad": np.array([0.2], dtype=np.float32), "camera": CAMERA + 1}
    looks = detections_at_scale(SIZE, TWO, [([[70, 10, 90, 30]], [0.6], [0])] * 3, **more)
    found = merge(looks, most=9)

    assert found.boxes3d.tolist() == solid.tolist()
    assert found.alpha_rad.tolist() == more["alpha_rad"].tolist()
    assert found.camera is not None
    assert found.camera.tolist() == CAMERA.tolist()


def test_tiles_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="slice is the side of the tiles, 32 pixels or more; got 8"):
        Slicing(side=8)
    with pytest.raises(UsageError, match=r"slice_overlap is a share from 0 to 0\.9; got 1"):
        Slicing(overlap=1.0)
