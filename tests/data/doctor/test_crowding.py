"""Collisions of centres of one class: counted in the report, and marked in the preview."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from centernet.data.doctor.crowding import Crowding, center_collisions
from centernet.data.doctor.preview import IN_ONE_CELL, SIDE_BY_SIDE, contact_sheet_of
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.geometry.resize import Letterbox
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

RULE = Letterbox(height=128, width=128)


def around(*centers: tuple[float, float], labels: list[int] | None = None) -> Annotations:
    """Boxes of different sizes round points of a 128×128 image."""
    count = len(centers)
    half = np.arange(count)[:, None] + 5.0
    middles = np.array(centers, dtype=np.float32).reshape(count, 2)
    boxes = np.concatenate([middles - half, middles + half], axis=1).astype(np.float32)
    return Annotations(
        boxes=boxes,
        labels=np.array(labels or [0] * count, dtype=np.int64),
        is_crowd=np.zeros(count, dtype=bool),
        ids=np.arange(count),
        areas=np.ones(count, dtype=np.float32),
    )


def dataset_of(*images: Annotations) -> Dataset:
    records = tuple(
        ImageRecord(path=Path(f"{i}.png"), image_id=i + 1, annotations=objects, source="", size=(128, 128))
        for i, objects in enumerate(images)
    )
    return Dataset(
        name="few", format="coco", categories=Categories.of("cat", "dog"), records=records, defects=()
    )


def counts_of(crowding: Crowding, label: int = 0) -> tuple[int, int, int]:
    one = crowding.classes[label]
    return one.pairs_in_cell, one.in_cell, one.near


@pytest.mark.parametrize(("count", "pairs"), [(1, 0), (2, 1), (3, 3), (5, 10)])
def test_pairs_in_a_cell_are_counted_as_in_the_paper(count: int, pairs: int) -> None:
    crowding = Crowding.of(dataset_of(around(*[(41 + i / 2, 41) for i in range(count)])), RULE, 4)

    assert counts_of(crowding) == (pairs, count if count > 1 else 0, 0)


def test_objects_side_by_side_are_counted_once_each() -> None:
    crowding = Crowding.of(dataset_of(around((41, 41), (45, 41), (49, 45), (80, 80))), RULE, 4)

    assert counts_of(crowding) == (0, 0, 3)


def test_objects_of_other_classes_and_images_do_not_collide() -> None:
    both = around((41, 41), (42, 41), labels=[0, 1])
    crowding = Crowding.of(dataset_of(both, around((41, 41))), RULE, 4)

    assert counts_of(crowding, 0) == counts_of(crowding, 1) == (0, 0, 0)
    assert crowding.worst == ()


def test_the_worst_images_come_first() -> None:
    few, many = around((41, 41), (42, 41)), around((41, 41), (42, 41), (45, 41))
    crowding = Crowding.of(dataset_of(around((41, 41)), few, many), RULE, 4)

    assert crowding.worst == (("2.png", 3), ("1.png", 2))


def test_counts_are_those_of_comparing_every_pair() -> None:
    rng = np.random.default_rng(0)
    images = []
    for _ in range(6):
        count = int(rng.integers(0, 40))
        images.append(around(*rng.uniform(10, 60, (count, 2)), labels=rng.integers(0, 2, count).tolist()))
    crowding = Crowding.of(dataset_of(*images), RULE, 4)
    pairs = [0, 0]
    in_cell = near = 0
    for objects in images:
        cells = np.floor((objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2 / 4)
        closest = np.full(len(objects), 9)
        for i, j in combinations(range(len(objects)), 2):
            if objects.labels[i] == objects.labels[j]:
                apart = int(np.abs(cells[i] - cells[j]).max())
                pairs[objects.labels[i]] += apart == 0
                closest[[i, j]] = np.minimum(closest[[i, j]], apart)
        in_cell += int((closest == 0).sum())
        near += int((closest == 1).sum())
        ours = center_collisions(objects, (128, 128), RULE, 4)
        assert (ours[0] == (closest == 0)).all()
        assert (ours[1] == (closest == 1)).all()

    assert [one.pairs_in_cell for one in crowding.classes] == pairs
    assert sum(one.in_cell for one in crowding.classes) == in_cell > 0
    assert sum(one.near for one in crowding.classes) == near > 0


def test_crowd_regions_are_not_counted_as_collisions() -> None:
    objects = replace(around((41, 41), (42, 41)), is_crowd=np.array([False, True]))

    assert not np.any(center_collisions(objects, (128, 128), RULE, 4))
    assert counts_of(Crowding.of(dataset_of(objects), RULE, 4)) == (0, 0, 0)


def test_the_report_names_classes_and_images() -> None:
    dataset = dataset_of(around((41, 41), (42, 41), (60, 60), labels=[0, 0, 1]))
    lines = Crowding.of(dataset, RULE, 4).text()

    assert lines == [
        "  of one class in inputs of 128×128 px, stride 4",
        "  class  objects  pairs in a cell  in a cell  side by side",
        "  cat          2                1          2             0",
        "  all          3                1          2             0",
        "  most collide in 0.png (2)",
    ]


def test_the_report_states_that_nothing_collides() -> None:
    lines = Crowding.of(dataset_of(around((41, 41))), RULE, 4).text()

    assert lines == [
        "  no objects of one class share a cell or are side by side in inputs of 128×128 px, stride 4"
    ]


def test_preview_marks_colliding_centres(tmp_path: Path) -> None:
    def dots(mode: str) -> list[int]:
        folder = write_scenes(tmp_path / mode, train=4, val=0, mode=mode)
        sheet = contact_sheet_of(open_dataset(folder, "train"), 4, tile=256, imgsz=128)
        return [int((sheet == color).all(axis=2).sum()) for color in (IN_ONE_CELL, SIDE_BY_SIDE)]

    assert sum(dots("collision")) > 100
    assert sum(dots("plain")) < 40
