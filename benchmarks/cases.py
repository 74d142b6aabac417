"""Cases of `benchmarks.run`: the same work by the original's algorithm and by ours, on synthetic data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import default_collate

from benchmarks import original
from centernet.data.loading.collate import collate
from centernet.data.transforms.augment import Augment, RandomCrop
from centernet.data.transforms.color_jitter import ColorJitter
from centernet.data.transforms.warp import resize
from centernet.geometry.resize import FitWidth, Letterbox
from centernet.inference.predictor import to_detections
from centernet.io.images import read_image
from centernet.models.normalize import Normalize
from centernet.structures import Annotations, Categories, ImageRecord, Sample
from centernet.structures.batch import Batch, BatchAnnotations, Grid
from centernet.structures.sample import read_sample, sample_of
from centernet.structures.skeletons import COCO_PERSON
from centernet.tasks.detect import Detect
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose

INPUT, CELLS, STRIDE = 512, 128, 4
MAP_FROM_INPUT = np.array([[1 / STRIDE, 0, 0], [0, 1 / STRIDE, 0]])


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table.

    Attributes:
        group: Group of rows.
        name: Parameter that varies within the group.
        original: The work by the original's algorithm.
        ours: The same work by this library.
        images: Images per call; times are given per image.
    """

    group: str
    name: str
    original: Callable[[], object]
    ours: Callable[[], object]
    images: int = 1


def all_cases(folder: Path) -> Iterator[Case]:
    """All cases; the image file that is read is written to `folder`."""
    for count in (0, 10, 100, 1000):
        yield targets_case("targets by objects", f"objects: {count}", count=count)
    for classes in (1, 20, 80):
        yield targets_case("targets by classes", f"classes: {classes}", count=10, num_classes=classes)
    for batch in (1, 4, 16):
        yield targets_case("targets by batch", f"batch: {batch}", count=10, batch=batch)
    yield decode_case("decode", "trained maps", trained_heatmap(1, 80))
    yield decode_case("decode", "noise", torch.randn(1, 80, CELLS, CELLS))
    for classes in (1, 20, 80):
        yield decode_case("decode by classes", f"classes: {classes}", trained_heatmap(1, classes))
    for batch in (1, 4, 16):
        yield decode_case("decode by batch", f"batch: {batch}", trained_heatmap(batch, 80))
    yield decode_pose_case()
    yield decode_boxes3d_case()
    yield preprocess_case()
    path = folder / "image.jpg"
    cv2.imwrite(str(path), make_image(), [cv2.IMWRITE_JPEG_QUALITY, 90])
    for count in (10, 100):
        yield sample_case(f"{count} objects, from the JPEG file", path, count, from_file=True)
        yield sample_case(f"{count} objects, from the decoded image", path, count, from_file=False)


def make_boxes(count: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Boxes with sides of 8 to 250 pixels, small ones more often, within an image of `(height, width)`."""
    center = rng.uniform(0, (size[1], size[0]), (count, 2))
    sides = np.exp(rng.uniform(np.log(8), np.log(250), (count, 2)))
    corners = np.concatenate([center - sides / 2, center + sides / 2], axis=1)
    return corners.clip(0, [size[1] - 1, size[0] - 1] * 2).astype(np.float32)


def make_image() -> np.ndarray:
    """An image of 480×640 with smooth colours and some noise, whose file is as large as that of a photo."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(int)
    return (smooth + rng.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8)


def make_objects(
    count: int, batch: int, num_classes: int
) -> tuple[list[np.ndarray], list[np.ndarray], BatchAnnotations]:
    """The same objects as arrays for each image, and as annotations of the batch."""
    rng = np.random.default_rng(0)
    boxes = [make_boxes(count, (INPUT, INPUT), rng) for _ in range(batch)]
    labels = [rng.integers(num_classes, size=count) for _ in range(batch)]
    objects = BatchAnnotations(
        boxes=torch.from_numpy(np.concatenate(boxes)),
        labels=torch.from_numpy(np.concatenate(labels)),
        image_index=torch.arange(batch).repeat_interleave(count),
    )
    return boxes, labels, objects


def targets_case(group: str, name: str, *, count: int, num_classes: int = 80, batch: int = 1) -> Case:
    """From boxes on the input to heatmap, sizes and offsets."""
    boxes, labels, objects = make_objects(count, batch, num_classes)
    task, grid = Detect(num_classes=num_classes), Grid(batch=batch, height=CELLS, width=CELLS, stride=STRIDE)

    def run_original() -> object:
        per_image = [
            original.targets(
                image_boxes, image_labels, MAP_FROM_INPUT, num_classes, (CELLS, CELLS), max(128, count)
            )
            for image_boxes, image_labels in zip(boxes, labels, strict=True)
        ]
        return per_image if batch == 1 else default_collate(per_image)

    return Case(
        group=group, name=name, images=batch, original=run_original, ours=lambda: task.encode(objects, grid)
    )


def trained_heatmap(batch: int, num_classes: int) -> torch.Tensor:
    """Logits like those of a trained network for 20 objects: Gaussians on a low background with noise."""
    _, _, objects = make_objects(20, batch, num_classes)
    grid = Grid(batch=batch, height=CELLS, width=CELLS, stride=STRIDE)
    heatmap = Detect(num_classes=num_classes).encode(objects, grid)["heatmap"]
    return torch.logit(heatmap * 0.8, eps=0.002) + torch.randn(heatmap.shape) / 2


def decode_case(group: str, name: str, logits: torch.Tensor) -> Case:
    """From raw maps to 100 boxes."""
    batch, num_classes = logits.shape[:2]
    size, offset = 20 * torch.rand(batch, 2, CELLS, CELLS), torch.rand(batch, 2, CELLS, CELLS)
    maps, task = {"heatmap": logits, "size": size, "offset": offset}, Detect(num_classes=num_classes)
    return Case(
        group=group,
        name=name,
        images=batch,
        original=lambda: original.decode(logits.sigmoid(), size, offset),
        ours=lambda: task.decode(maps, STRIDE),
    )


def decode_pose_case(num_persons: int = 12) -> Case:
    """From raw maps of a crowd to 100 persons with 17 keypoints in image pixels."""
    categories = Categories(("person",), (1,), (COCO_PERSON,))
    task = Pose.of(categories)
    grid = Grid(batch=1, height=CELLS, width=CELLS, stride=STRIDE)
    rng = np.random.default_rng(0)
    boxes = make_boxes(num_persons, (INPUT, INPUT), rng)
    points = boxes[:, None, :2] + rng.random((num_persons, 17, 2)) * (boxes[:, None, 2:] - boxes[:, None, :2])
    visibility = np.full((num_persons, 17, 1), 2)
    objects = BatchAnnotations(
        boxes=torch.from_numpy(boxes),
        labels=torch.zeros(num_persons, dtype=torch.long),
        image_index=torch.zeros(num_persons, dtype=torch.long),
        keypoints=torch.from_numpy(np.concatenate([points, visibility], axis=2)).float(),
    )
    targets = task.encode(objects, grid)
    maps = {
        name: torch.logit(targets[name] * 0.8, eps=0.002) + torch.randn(targets[name].shape) / 2
        for name in ("heatmap", "keypoint_heatmap")
    }
    for name in ("size", "offset", "keypoint_offset"):
        maps[name] = (20 if name == "size" else 1) * torch.rand(1, 2, CELLS, CELLS)
    maps["keypoints"] = 10 * torch.randn(1, 34, CELLS, CELLS)
    view = resize(sample_of(make_image(), "image"), Letterbox(height=INPUT, width=INPUT)).view
    batch = Batch(
        images=torch.zeros(1, 3, 1, 1, dtype=torch.uint8),
        objects=BatchAnnotations.none(),
        views=(view,),
        image_ids=(0,),
    )
    height, width = view.image_size

    def run_original() -> object:
        probabilities = {name: maps[name].sigmoid() for name in ("heatmap", "keypoint_heatmap")}
        rows, keypoints = original.decode_pose({**maps, **probabilities})
        return original.to_image_pose(rows[0].numpy(), keypoints[0].numpy(), (width, height))

    return Case(
        group="decode",
        name="100 persons, 17 keypoints, to image pixels",
        original=run_original,
        ours=lambda: to_detections(task.decode(maps, STRIDE), task.outputs, batch, categories),
    )


def decode_boxes3d_case() -> Case:
    """From raw maps of an input of 384×1280 to 100 3D boxes in metres."""
    task, rows, columns = Mono3D(num_classes=3), 96, 320
    maps = {name: torch.randn(1, spec.channels, rows, columns) for name, spec in task.heads.items()}
    camera = np.array([[721.5, 0, 609.6, 44.9], [0, 721.5, 172.9, 0.2], [0, 0, 1, 0.003]])
    image = sample_of(np.zeros((375, 1242, 3), np.uint8), "image")
    sample = replace(image, view=replace(image.view, camera=camera))
    view = resize(sample, FitWidth(height=384, width=1280)).view
    batch = Batch(
        images=torch.zeros(1, 3, 1, 1, dtype=torch.uint8),
        objects=BatchAnnotations.none(),
        views=(view,),
        image_ids=(0,),
    )
    categories = Categories.of("Pedestrian", "Car", "Cyclist")

    def run_original() -> object:
        metres = 1 / (maps["depth"].sigmoid() + 1e-6) - 1
        found = original.decode_boxes3d({**maps, "heatmap": maps["heatmap"].sigmoid(), "depth": metres})
        return original.place_boxes3d(found[0].numpy(), camera, (1242, 375), (columns, rows))

    return Case(
        group="decode",
        name="100 boxes in 3D, 96×320, to metres",
        original=run_original,
        ours=lambda: to_detections(task.decode(maps, STRIDE), task.outputs, batch, categories),
    )


def preprocess_case() -> Case:
    """From a decoded image to a normalised tensor."""
    image, rule, normalize = make_image(), Letterbox(height=INPUT, width=INPUT), Normalize()
    return Case(
        group="pre-process",
        name="480×640 to 512×512",
        original=lambda: original.preprocess(image),
        ours=lambda: normalize(collate([resize(sample_of(image, "image"), rule)]).images),
    )


def sample_case(name: str, path: Path, count: int, *, from_file: bool, batch: int = 8) -> Case:
    """A training batch: (read,) crop, flip, colour jitter, collate, normalise, targets."""
    rng = np.random.default_rng(2)
    boxes, labels = make_boxes(count, (480, 640), rng), rng.integers(80, size=count)
    record = ImageRecord(
        path=path, image_id=1, annotations=Annotations.of(boxes, labels), source=str(path), size=(480, 640)
    )
    decoded_bgr, decoded = cv2.imread(str(path)), read_image(path)
    augment = Augment(
        rule=Letterbox(height=INPUT, width=INPUT), window=RandomCrop(), flip=0.5, colors=ColorJitter()
    )
    task, normalize = Detect(num_classes=80), Normalize()

    def one_original() -> dict[str, np.ndarray]:
        image = cv2.imread(str(path)) if from_file else decoded_bgr
        return original.sample(image, boxes, labels, 80, original.Draws.of(image, rng), rng)

    def one_of_ours() -> Sample:
        image = read_image(path, record.size) if from_file else decoded
        return augment([read_sample(record, image)], rng)

    def run_ours() -> None:
        collated = collate([one_of_ours() for _ in range(batch)])
        normalize(collated.images)
        task.encode(collated.objects, Grid(batch=batch, height=CELLS, width=CELLS, stride=STRIDE))

    return Case(
        group="training sample",
        name=name,
        images=batch,
        original=lambda: default_collate([one_original() for _ in range(batch)]),
        ours=run_ours,
    )
