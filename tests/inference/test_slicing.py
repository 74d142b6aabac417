"""Large images in tiles: every object is found, and once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from centernet.data.synthetic import Scenes
from centernet.detections import Detections
from centernet.geometry.boxes import box_areas, iou_matrix
from centernet.geometry.camera import project
from centernet.geometry.resize import Letterbox
from centernet.inference.options import InferenceOptions
from centernet.inference.preprocess import ModelInput
from centernet.inference.slicing import Slicing, Tile, merge_tiles
from centernet.inference.stream import detect_stream, samples_of
from centernet.io.sources import frames
from centernet.structures import Categories, Sample, Skeleton
from centernet.structures.sample import sample_of
from centernet.structures.thresholds import UNKNOWN, Thresholds

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
    """Knows the objects of an image, and finds them in a tile as a detector would: pieces at its border.

    Attributes:
        image: The image.
        boxes: Boxes of the objects.
        labels: Label of each object.
        side: A larger tile is resized to this side.
        min_side: Objects that are smaller after that are not found.
        noise: Standard deviation of each side of a predicted box, as a fraction of the box.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    side: int
    min_side: float = 6.0
    noise: float = 0.0
    rule: Letterbox = RULE
    stride: int = 4
    max_detections: int = 500
    max_concurrency: int = 2
    categories: Categories = NAMES
    divisor: int = 32
    is_scale_dependent: bool = False
    thresholds: Thresholds = UNKNOWN
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def with_task_settings(self, **settings: object) -> "Oracle":
        return replace(self, max_detections=settings.get("top_k", self.max_detections))

    def with_rule(self, rule: Letterbox) -> "Oracle":
        return replace(self, rule=rule)

    def detect_preprocessed(
        self, images: Sequence[ModelInput], inference: InferenceOptions | None = None
    ) -> list[Detections]:
        assert inference is not None
        return [self._detect(image.sample) for image in images]

    def _detect(self, sample: Sample) -> Detections:
        height, width = sample.view.image_size
        top, left = self._position_of(sample.image)
        window = np.array([left, top, left + width, top + height])
        pieces = np.clip(self.boxes, np.tile(window[:2], 2), np.tile(window[2:], 2))
        scale = min(1.0, self.side / max(height, width))
        is_found = ((pieces[:, 2:] - pieces[:, :2]) * scale).min(axis=1) >= self.min_side
        # Pieces have lower scores.
        scores = 0.5 + 0.4 * box_areas(pieces) / box_areas(self.boxes)
        sides = np.tile(pieces[:, 2:] - pieces[:, :2], 2)
        pieces = pieces + self.noise * sides * self.rng.normal(size=pieces.shape)
        pieces = np.clip(pieces - np.tile(window[:2], 2), 0, [width, height] * 2)
        return to_detections(pieces[is_found], scores[is_found], self.labels[is_found], (height, width))

    def _position_of(self, tile: np.ndarray) -> tuple[int, int]:
        """First row and column of a view of the image's pixels."""
        first, own = (array.__array_interface__["data"][0] for array in (self.image, tile))
        return divmod((own - first) // 3, self.image.shape[1])


def detect_in_tiles(oracle: Oracle, slicing: Slicing, **settings: int) -> Detections:
    options = InferenceOptions(slice=slicing.side, slice_overlap=slicing.overlap)
    (found,) = detect_stream(oracle, samples_of(frames(oracle.image)), inference=options, **settings)
    return found


def scattered(count: int, height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Objects of many sizes anywhere, with little overlap."""
    rng = np.random.default_rng(seed)
    boxes = np.zeros((0, 4))
    while len(boxes) < count:
        sides = rng.uniform(12, 120, size=2) * rng.choice([1, 1, 1, 4])
        corner = rng.uniform(0, [width, height]) - sides / 2
        box = np.clip(np.concatenate([corner, corner + sides]), 0, [width, height] * 2).round()[None]
        if (box[0, 2:] - box[0, :2]).min() >= 10 and not (iou_matrix(box, boxes) > 0.3).any():
            boxes = np.concatenate([boxes, box])
    return boxes, rng.integers(2, size=count)


def unmatched(found: Detections, boxes: np.ndarray, labels: np.ndarray, min_iou: float) -> tuple[list, list]:
    """Objects without a detection of at least this IoU, and detections without such an object."""
    overlaps = iou_matrix(found.boxes.astype(np.float64), boxes.astype(np.float64))
    overlaps[found.labels[:, None] != labels] = 0
    is_missed = overlaps.max(axis=0, initial=0) < min_iou
    is_false = overlaps.max(axis=1, initial=0) < min_iou
    return boxes[is_missed].tolist(), found.boxes[is_false].tolist()


@pytest.mark.parametrize("size", [(640, 640), (641, 640), (1000, 700), (300, 2000), (1500, 1500)])
@pytest.mark.parametrize(
    "slicing", [Slicing(), Slicing(side=300, overlap=0.0), Slicing(side=500, overlap=0.5)]
)
def test_tiles_cover_the_image_overlap_and_are_of_one_size(size: tuple[int, int], slicing: Slicing) -> None:
    with_whole = list(slicing.tiles(sample_of(np.zeros((*size, 3), dtype=np.uint8), "image")))
    tiles = with_whole[:-1]
    is_covered = np.zeros(size, dtype=bool)
    for tile in tiles:
        left, top, right, bottom = tile.window
        is_covered[top:bottom, left:right] = True
    lefts = sorted({tile.window[0] for tile in tiles})

    assert [tile.is_last for tile in with_whole] == [False] * len(tiles) + [True]
    assert with_whole[-1].sample.view.image_size == size
    assert bool(tiles) == (max(size) > slicing.side)
    assert is_covered.all() or not tiles
    assert {tile.sample.view.image_size for tile in tiles} <= {tuple(np.minimum(size, slicing.side).tolist())}
    assert all(right - left <= slicing.side * (1 - slicing.overlap) for left, right in pairwise(lefts))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("height", "width"), [(700, 900), (400, 1600)])
def test_objects_anywhere_are_found_once(seed: int, height: int, width: int) -> None:
    boxes, labels = scattered(60, height, width, seed)
    oracle = Oracle(np.zeros((height, width, 3), dtype=np.uint8), boxes, labels, side=256)
    found = detect_in_tiles(oracle, Slicing(side=256, overlap=0.25), batch=3, workers=2)

    assert unmatched(found, boxes, labels, min_iou=0.999) == ([], [])
    assert len(found) == 60
    assert found.image is oracle.image
    assert found.image_size == (height, width)
    assert (np.diff(found.scores) <= 0).all()


def test_objects_with_slightly_wrong_boxes_are_found_once() -> None:
    missed, false = [], []
    for seed in range(6):
        boxes, labels = scattered(60, 700, 900, seed)
        image = np.zeros((700, 900, 3), dtype=np.uint8)
        oracle = Oracle(image, boxes, labels, side=256, noise=0.03)
        found = detect_in_tiles(oracle, Slicing(side=256, overlap=0.25))
        leftover = unmatched(found, boxes, labels, min_iou=0.6)
        missed, false = missed + leftover[0], false + leftover[1]

    assert missed == []
    assert len(false) <= 1


def test_objects_of_generated_scenes_side_by_side_are_found_with_their_boxes() -> None:
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
    oracle = Oracle(np.concatenate(rows), boxes, labels, side=200, min_side=2)
    tiles = list(Slicing(side=200).tiles(sample_of(oracle.image, "image")))[:-1]
    found = detect_in_tiles(oracle, Slicing(side=200), batch=4, workers=1)

    inner = [one.window[0] for one in tiles if one.window[0]]
    assert any(((boxes[:, 0] < x) & (boxes[:, 2] > x)).any() for x in inner)
    assert unmatched(found, boxes, labels, min_iou=0.999) == ([], [])
    assert len(found) == len(boxes)


def test_an_object_larger_than_the_overlap_is_merged_from_pieces_if_no_tile_holds_all_of_it() -> None:
    image = np.zeros((200, 4000, 3), dtype=np.uint8)
    # Tiles begin each 200 pixels or less, and are 250 wide: none of them holds all of the first.
    boxes, labels = np.array([[120.0, 40, 330, 100], [600, 20, 630, 60]]), np.array([0, 1])
    oracle = Oracle(image, boxes, labels, side=250, min_side=8)
    found = detect_in_tiles(oracle, Slicing(side=250))

    assert unmatched(found, boxes, labels, min_iou=0.999) == ([], [])
    assert len(found) == 2


def detections_of_tiles(
    sizes: tuple[int, int], slicing: Slicing, found: Sequence[tuple[Any, Any, Any]], **more: Any
) -> list[tuple[Tile, Detections]]:
    """Detections of each tile, given by boxes in image pixels, scores and labels."""
    sample = sample_of(np.zeros((*sizes, 3), dtype=np.uint8), "image", camera=CAMERA)
    per_tile = []
    for tile, (boxes, scores, labels) in zip(slicing.tiles(sample), found, strict=True):
        moved = np.array(boxes, dtype=np.float32).reshape(-1, 4) - np.tile(tile.window[:2], 2)
        per_tile.append((tile, to_detections(moved, scores, labels, tile.sample.view.image_size, **more)))
    return per_tile


NOTHING: tuple[Any, Any, Any] = ([], [], [])
# Two tiles: columns 0 to 100 and 60 to 160, and the whole.
TWO, SIZE = Slicing(side=100, overlap=0.3), (100, 160)


def test_the_most_confident_box_of_several_tiles_is_kept() -> None:
    found = merge_tiles(
        detections_of_tiles(
            SIZE,
            TWO,
            [
                ([[70, 10, 90, 30]], [0.6], [0]),
                ([[71, 10, 91, 30]], [0.8], [0]),
                ([[72, 10, 90, 29]], [0.7], [0]),
            ],
        ),
        max_detections=9,
    )

    assert found.boxes.tolist() == [[71, 10, 91, 30]]
    assert found.scores == pytest.approx([0.8])


def test_a_whole_box_is_kept_rather_than_a_more_confident_piece_and_takes_its_score() -> None:
    found = merge_tiles(
        detections_of_tiles(
            SIZE, TWO, [([[80, 10, 100, 30]], [0.9], [0]), ([[80, 10, 120, 30]], [0.5], [0]), NOTHING]
        ),
        max_detections=9,
    )

    assert found.boxes.tolist() == [[80, 10, 120, 30]]
    assert found.scores == pytest.approx([0.9])


def test_a_box_of_low_score_does_not_replace_a_confident_piece() -> None:
    found = merge_tiles(
        detections_of_tiles(
            SIZE, TWO, [([[80, 10, 100, 30]], [0.9], [0]), NOTHING, ([[80, 5, 150, 35]], [0.02], [0])]
        ),
        max_detections=9,
    )

    assert found.boxes[0].tolist() == [80, 10, 100, 30]


def test_two_detections_of_one_tile_stay_two_objects() -> None:
    pair = [[70, 10, 90, 30], [74, 10, 94, 30]]
    once = merge_tiles(
        detections_of_tiles(SIZE, TWO, [(pair, [0.9, 0.8], [0, 0]), NOTHING, NOTHING]), max_detections=9
    )
    twice = merge_tiles(
        detections_of_tiles(SIZE, TWO, [(pair, [0.9, 0.8], [0, 0]), (pair, [0.7, 0.9], [0, 0]), NOTHING]),
        max_detections=9,
    )
    mixed = merge_tiles(
        detections_of_tiles(SIZE, TWO, [(pair[:1], [0.9], [0]), (pair, [0.7, 0.8], [0, 0]), NOTHING]),
        max_detections=9,
    )

    for found in (once, twice, mixed):
        assert sorted(found.boxes.tolist()) == pair


def test_a_small_object_in_front_of_a_large_one_stays() -> None:
    large, small = [10, 5, 150, 95], [85, 40, 98, 55]
    left = ([[10, 5, 100, 95], small], [0.7, 0.9], [0, 0])
    right = ([[60, 5, 150, 95], small], [0.7, 0.9], [0, 0])
    found = merge_tiles(
        detections_of_tiles(SIZE, TWO, [left, right, ([large], [0.8], [0])]), max_detections=9
    )

    assert sorted(found.boxes.tolist()) == [large, small]


def test_classes_are_merged_only_if_class_agnostic() -> None:
    per_tile = detections_of_tiles(
        SIZE, TWO, [([[70, 10, 90, 30]], [0.6], [0]), ([[70, 10, 90, 30]], [0.8], [1]), NOTHING]
    )

    assert merge_tiles(per_tile, max_detections=9).labels.tolist() == [1, 0]
    assert merge_tiles(per_tile, max_detections=9, class_agnostic=True).labels.tolist() == [1]


def test_the_most_confident_are_kept_and_those_below_the_minimum_score_left_out() -> None:
    per_tile = detections_of_tiles(
        SIZE, TWO, [([[10, 10, 20, 20], [30, 10, 40, 20]], [0.6, 0.2], [0, 0]), NOTHING, NOTHING]
    )

    assert merge_tiles(per_tile, max_detections=1).scores == pytest.approx([0.6])
    assert merge_tiles(per_tile, max_detections=9, min_score=0.3).scores == pytest.approx([0.6])
    assert len(merge_tiles(per_tile, max_detections=9)) == 2
    assert len(merge_tiles(detections_of_tiles(SIZE, TWO, [NOTHING] * 3), max_detections=9)) == 0


def test_keypoints_move_with_their_boxes_and_the_one_of_higher_score_is_kept() -> None:
    names = Categories(("cat", "dog"), (0, 1), (Skeleton(names=("head", "tail")), None))
    # Two pieces of one cat: the left tile has its head, the right one its tail. A dog has neither.
    left, right = [5, 10, 100, 60], [60, 10, 155, 60]
    rows = [([left], [0.6], [0]), ([right, [62, 70, 80, 90]], [0.6, 0.5], [0, 1]), NOTHING]
    per_tile = detections_of_tiles(SIZE, TWO, rows, categories=names)
    points = [
        [[[10, 20, 0.9], [90, 30, 0.1]]],
        [[[5, 25, 0.2], [85, 30, 0.8]], np.zeros((2, 3))],
        np.zeros((0, 2, 3)),
    ]
    per_tile = [
        (tile, replace(found, keypoints=np.array(own, dtype=np.float32)))
        for (tile, found), own in zip(per_tile, points, strict=True)
    ]
    found = merge_tiles(per_tile, max_detections=9)

    assert found.boxes.tolist() == [[5, 10, 155, 60], [62, 70, 80, 90]]
    assert found.keypoints[0] == pytest.approx(np.array([[10, 20, 0.9], [145, 30, 0.8]]))
    assert found.keypoints[1].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_camera_of_a_tile_projects_to_the_same_pixels() -> None:
    points = np.array([[1.0, 2, 20], [-3, 1, 15]])
    sample = sample_of(np.zeros((800, 1200, 3), dtype=np.uint8), "image", camera=CAMERA)
    for tile in Slicing(side=500).tiles(sample):
        assert tile.sample.view.camera is not None
        pixels = project(tile.sample.view.camera, points) + np.array(tile.window[:2])

        np.testing.assert_allclose(pixels, project(CAMERA, points))


def test_3d_boxes_stay_where_they_are_and_the_camera_is_that_of_the_image() -> None:
    box3d = np.array([[1.5, 1.6, 4, 1, 2, 20, 0.3]], dtype=np.float32)
    more = {"boxes3d": box3d, "alpha_rad": np.array([0.2], dtype=np.float32), "camera": CAMERA + 1}
    per_tile = detections_of_tiles(SIZE, TWO, [([[70, 10, 90, 30]], [0.6], [0])] * 3, **more)
    found = merge_tiles(per_tile, max_detections=9)

    assert found.boxes3d.tolist() == box3d.tolist()
    assert found.alpha_rad.tolist() == more["alpha_rad"].tolist()
    assert found.camera is not None
    assert found.camera.tolist() == CAMERA.tolist()
