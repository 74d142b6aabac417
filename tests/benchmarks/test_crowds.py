"""Recall of objects with colliding centres, and FCOS as a task of this library."""

import numpy as np
import pytest
import torch
from benchmarks.crowds import is_found, recalls
from benchmarks.fcos import FcosNetwork, FcosTask

from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.detections import Detections
from centernet.structures import Annotations, Categories, Dataset
from centernet.structures.batch import BatchAnnotations, Grid

CATEGORIES = Categories.of("cat", "dog")


def objects_of(boxes: list[list[float]], labels: list[int]) -> Annotations:
    count = len(boxes)
    return Annotations(
        boxes=np.array(boxes, dtype=np.float32),
        labels=np.array(labels),
        is_crowd=np.zeros(count, dtype=bool),
        ids=np.arange(count),
        areas=np.ones(count, dtype=np.float32),
    )


def found_of(boxes: list[list[float]], scores: list[float], labels: list[int]) -> Detections:
    return Detections(
        boxes=np.array(boxes, dtype=np.float32),
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels),
        categories=CATEGORIES,
        name="a",
        image_size=(128, 128),
        image_id=1,
    )


def test_a_detection_is_matched_to_one_object_of_its_class() -> None:
    objects = objects_of([[10, 10, 30, 30], [12, 10, 32, 30], [10, 10, 30, 30]], [0, 0, 1])
    once = found_of([[10, 10, 30, 30]], [0.9], [0])
    twice = found_of([[10, 10, 30, 30], [10, 10, 30, 30]], [0.9, 0.8], [0, 0])

    assert is_found(objects, once).tolist() == [True, False, False]
    assert is_found(objects, twice).tolist() == [True, True, False]
    assert not is_found(objects, found_of([[60, 60, 80, 80]], [0.9], [0])).any()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=4, val=0, mode="crossing")
    return open_dataset(folder, "train")


def test_ground_truth_as_detections_has_full_recall(dataset: Dataset) -> None:
    found = [
        Detections(
            boxes=record.annotations.boxes,
            scores=np.full(len(record.annotations), 0.2, dtype=np.float32),
            labels=record.annotations.labels,
            categories=dataset.categories,
            name=str(record.path),
            image_size=(128, 128),
            image_id=record.image_id,
        )
        for record in dataset.records
    ]

    assert recalls(dataset, found) == {"recall": 1.0, "recall_shown": 0.0}


def test_fcos_learns_one_image() -> None:
    """Its loss and decoding work with our annotations: a box that is learned is detected."""
    torch.manual_seed(0)
    network, task = FcosNetwork("resnet10t", 2, 32), FcosTask(num_classes=2)
    images = torch.zeros(1, 3, 64, 64)
    images[:, :, 16:40, 20:52] = 1
    objects = BatchAnnotations(
        boxes=torch.tensor([[20.0, 16, 52, 40]]), labels=torch.tensor([1]), image_index=torch.tensor([0])
    )
    targets = task.encode(objects, Grid(batch=1, height=16, width=16))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.stack(list(task.loss(network(images)[-1], targets).values())).sum()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        found = task.decode(network.last_maps(images), 4)

    assert found["labels"][0, 0] == 1
    assert (found["boxes"][0, 0] - objects.boxes[0]).abs().max() < 3
