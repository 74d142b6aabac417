"""Overlaps and matches of all images at once are those of a loop over images."""

import numpy as np
import pytest

from centernet.detections import Detections
from centernet.geometry.boxes import box_areas, iou_matrix
from centernet.metrics import pooled as module
from centernet.metrics.pooled import Pooled, best_matches, by_class, in_crowd, overlaps
from centernet.structures import Annotations, Categories

CATEGORIES = Categories.of("cat", "dog", "owl")
Pair = tuple[Annotations, Detections]


def make_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corners = rng.integers(0, 40, (count, 2))
    return np.concatenate([corners, corners + rng.integers(5, 30, (count, 2))], axis=1).astype(np.float32)


def make_pairs(seed: int, images: int = 6) -> list[Pair]:
    """Crowded images with whole coordinates and equal scores, some without objects or detections."""
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(images):
        num_objects, num_found = rng.integers(0, 12), rng.integers(0, 20)
        objects = Annotations.of(make_boxes(rng, num_objects), rng.integers(0, 3, num_objects))
        objects.is_crowd[:] = rng.random(num_objects) < 0.2
        found = Detections(
            boxes=make_boxes(rng, num_found),
            scores=np.sort(rng.random(num_found).round(1))[::-1].astype(np.float32),
            labels=rng.integers(0, 3, num_found),
            categories=CATEGORIES,
            name="",
            image_size=(80, 80),
            image_id=number,
        )
        pairs.append((objects, found))
    return pairs


def matches_by_loops(pairs: list[Pair], min_iou: float, *, same_class: bool) -> list[int]:
    """Each detection takes the free object that it overlaps most; crowd regions are never free."""
    matched, first = [], 0
    for objects, found in pairs:
        iou = iou_matrix(found.boxes, objects.boxes)
        iou[:, objects.is_crowd] = 0
        if same_class:
            iou[found.labels[:, None] != objects.labels[None]] = 0
        of_image = [-1] * len(found)
        for row in np.argsort(-found.scores, kind="stable"):
            if len(objects) and iou[row].max() >= min_iou:
                best = int(iou[row].argmax())
                of_image[row] = best + first
                iou[:, best] = 0
        matched += of_image
        first += len(objects)
    return matched


@pytest.mark.parametrize("same_class", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_matches_are_those_of_a_loop_over_images(
    seed: int, same_class: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_PAIRS", 7)
    pairs = make_pairs(seed)
    pooled = Pooled.of(pairs)
    candidates = overlaps(pooled.found, pooled.objects, 0.3, same_class=same_class)
    matched = best_matches(candidates, pooled.found.scores, ~pooled.objects.is_crowd)

    assert matched.tolist() == matches_by_loops(pairs, 0.3, same_class=same_class)


@pytest.mark.parametrize("seed", range(6))
def test_overlaps_are_the_large_ones_of_each_image(seed: int) -> None:
    (pair,) = make_pairs(seed, images=1)
    pooled = Pooled.of([pair])
    found = overlaps(pooled.found, pooled.objects, 0.2, same_class=False)
    expected = iou_matrix(pair[1].boxes, pair[0].boxes)
    rows, columns = np.nonzero(expected >= 0.2)

    assert (found.found.tolist(), found.objects.tolist()) == (rows.tolist(), columns.tolist())
    assert found.iou.tolist() == expected[rows, columns].tolist()


@pytest.mark.parametrize("seed", range(6))
def test_detections_in_a_crowd_region_of_their_class_are_known(seed: int) -> None:
    pairs = make_pairs(seed)
    expected = []
    for objects, found in pairs:
        for box, label in zip(found.boxes, found.labels, strict=True):
            crowds = objects.boxes[objects.is_crowd & (objects.labels == label)]
            sides = np.minimum(box[2:], crowds[:, 2:]) - np.maximum(box[:2], crowds[:, :2])
            inside = np.clip(sides, 0, None).prod(axis=1)
            expected.append(bool((inside >= 0.5 * box_areas(box[None])).any()))
    pooled = Pooled.of(pairs)

    assert in_crowd(pooled.found, pooled.objects, 0.5).tolist() == expected


def test_no_images_have_no_matches() -> None:
    pooled = Pooled.of([])
    candidates = overlaps(pooled.found, pooled.objects, 0.5, same_class=True)

    assert best_matches(candidates, pooled.found.scores, ~pooled.objects.is_crowd).tolist() == []


def test_places_of_each_class_rise() -> None:
    places = by_class(np.array([2, 0, 2, 0]), 4)

    assert [place.tolist() for place in places] == [[1, 3], [], [0, 2], []]
