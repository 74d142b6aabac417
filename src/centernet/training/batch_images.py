"""What the network is shown and what it is to answer: the first training batches with boxes and heatmaps."""

from pathlib import Path

import cv2
import lightning as L
import numpy as np

from centernet.drawing import contact_sheet, draw_boxes, draw_heatmap
from centernet.inference.predictor import TorchPredictor
from centernet.structures.batch import Batch, Grid
from centernet.tasks.layered.task import finest_heatmaps

MAX_IMAGES = 8
"""Images of a batch that are drawn, each with and without its heatmap."""


class BatchImages(L.Callback):
    """Writes `train_batch1.jpg` and so on in the first epoch.

    Args:
        folder: The run folder.
        predictor: Its task draws the heatmaps.
        batches: How many batches are drawn.
    """

    def __init__(self, folder: Path, predictor: TorchPredictor, batches: int = 2) -> None:
        self._folder = folder
        self._predictor = predictor
        self._batches = batches

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Draws a batch before it is learned from."""
        del pl_module
        if trainer.is_global_zero and trainer.current_epoch == 0 and batch_idx < self._batches:
            picture = picture_of(batch.to("cpu"), self._predictor)
            cv2.imwrite(str(self._folder / f"train_batch{batch_idx + 1}.jpg"), picture[..., ::-1])


def picture_of(batch: Batch, predictor: TorchPredictor) -> np.ndarray:
    """Pairs of pictures: an input with its boxes, and the same under its ideal heatmaps."""
    count, _, height, width = batch.images.shape
    stride = predictor.network.stride
    grid = Grid(batch=count, height=height // stride, width=width // stride, stride=stride)
    heatmaps = _heatmaps_of_classes(predictor, batch, grid)
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    for i in range(min(count, MAX_IMAGES)):
        image = np.ascontiguousarray(batch.images[i].permute(1, 2, 0).numpy())
        mine = batch.objects.image_index == i
        labels = batch.objects.labels[mine].numpy()
        names = [predictor.categories.names[label] for label in labels]
        boxes = batch.objects.boxes[mine].numpy()
        pictures += [
            draw_boxes(image, boxes, names, labels, long_side=480),
            draw_heatmap(image, heatmaps[i]),
        ]
        captions += [Path(batch.views[i].name).name, "target heatmaps"]
    return contact_sheet(pictures, captions, columns=4)


def _heatmaps_of_classes(predictor: TorchPredictor, batch: Batch, grid: Grid) -> np.ndarray:
    """What the network is to answer for each class; where a class has several heatmaps, all in one.

    Zero for tasks without any.
    """
    heatmaps = finest_heatmaps(predictor.task.encode(batch.objects, grid)).values()
    count = len(predictor.categories)
    none = np.zeros((grid.batch, count, grid.height, grid.width), dtype=np.float32)
    return np.max([none, *(value.numpy() for value in heatmaps if value.shape[1] == count)], axis=0)
