"""How many detections count, and what is said of images with more objects."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from centernet.detections import Detections
from centernet.evaluation import evaluate
from centernet.evaluation.limits import counts_of, image_notes
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

CATEGORIES = Categories.of("seed", "stone")


def make_crowd(count: int) -> tuple[Dataset, Detections]:
    """An image with so many seeds, each of which is found."""
    corners = np.arange(count, dtype=np.float32)[:, None] * 20
    boxes = np.concatenate([corners, np.zeros_like(corners), corners + 10, np.full_like(corners, 10)], axis=1)
    labels = np.zeros(count, dtype=np.int64)
    record = ImageRecord(
        path=Path("tray.png"),
        image_id=1,
        annotations=Annotations.of(boxes, labels),
        source="seeds.json",
        size=(20, 20 * count),
    )
    found = Detections(
        boxes=boxes,
        scores=np.linspace(0.9, 0.8, count, dtype=np.float32),
        labels=labels,
        categories=CATEGORIES,
        name="tray.png",
        image_size=(20, 20 * count),
        image_id=1,
    )
    return Dataset(name="seeds", format="coco", categories=CATEGORIES, records=(record,)), found


def test_counts_are_those_of_coco_up_to_what_was_asked_for() -> None:
    assert counts_of(None) == counts_of(100) == (1, 10, 100)
    assert counts_of(300) == (1, 10, 100, 300)
    assert counts_of(50) == (1, 10, 50)
    assert counts_of(1) == (1,)


def test_ap_counts_the_detections_that_were_asked_for_and_says_how_many_objects_there_are() -> None:
    dataset, found = make_crowd(150)
    usual = evaluate(dataset, [found])
    asked = evaluate(dataset, [found], counts_of(150))

    # 100 of 150: the curve ends at recall 2/3, and 67 of the 101 recalls are reached.
    assert round(usual["AP"], 3) == round(67 / 101, 3)
    assert usual.notes == (
        "AP counts the 100 best detections of a class in an image, and tray.png has 150 of seed: "
        "max_det=150 counts more",
    )
    assert asked["AP"] == asked["AR_150"] == 1
    assert asked["AR_100"] == usual["AR_100"]
    assert asked.notes == ()


def test_crowd_regions_are_no_objects_of_an_image() -> None:
    dataset, _ = make_crowd(12)
    (record,) = dataset.records
    crowd = replace(record.annotations, is_crowd=np.arange(12) < 6)

    assert image_notes(dataset, 10) == (
        "the detector gives at most 10 detections of an image, and tray.png has 12 objects: "
        "max_det=50 finds more",
    )
    assert image_notes(replace(dataset, records=(replace(record, annotations=crowd),)), 10) == ()
