"""Images of the first training batches with their boxes, keypoints and target heatmaps."""

from pathlib import Path

import cv2
import lightning as L
import numpy as np
import torch
from jaxtyping import Float32, Int, UInt8

from centernet.drawing import contact_sheet, draw_boxes, draw_heatmap, draw_keypoints
from centernet.inference.predictor import TorchPredictor
from centernet.protocols import Targets
from centernet.structures.batch import Batch, Grid

MAX_IMAGES = 8
"""Images of a batch that are drawn, each with its boxes and with its heatmap."""


class BatchImages(L.Callback):
    """Writes `train_batch1.jpg` and so on in the first epoch.

    Args:
        folder: The run folder.
        predictor: The predictor in training; its task encodes the heatmaps.
        batches: Number of batches to draw.
    """

    def __init__(self, folder: Path, predictor: TorchPredictor, batches: int = 2) -> None:
        self._folder = folder
        self._predictor = predictor
        self._batches = batches

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Draws a batch before the training step."""
        del pl_module
        if trainer.is_global_zero and trainer.current_epoch == 0 and batch_idx < self._batches:
            sheet = draw_batch(batch.to("cpu"), self._predictor)
            cv2.imwrite(str(self._folder / f"train_batch{batch_idx + 1}.jpg"), sheet[..., ::-1])


def draw_batch(batch: Batch, predictor: TorchPredictor) -> UInt8[np.ndarray, "h w 3"]:
    """Pairs of images, RGB: an input with its boxes and keypoints, and the same under its target heatmaps."""
    count, _, height, width = batch.images.shape
    stride = predictor.network.stride
    grid = Grid(batch=count, height=height // stride, width=width // stride, stride=stride, sparse=True)
    targets = predictor.task.encode(batch.objects, grid)
    drawn: list[np.ndarray] = []
    captions: list[str] = []
    for i in range(min(count, MAX_IMAGES)):
        image = np.ascontiguousarray(batch.images[i].permute(1, 2, 0).numpy())
        is_in_image = batch.objects.image_index == i
        labels = batch.objects.labels[is_in_image].numpy()
        names = [predictor.categories.names[label] for label in labels]
        boxes = batch.objects.boxes[is_in_image].numpy()
        labelled = draw_boxes(image, boxes, names, labels, long_side=480)
        if skeletons := predictor.categories.skeletons:
            keypoints = batch.objects.keypoints[is_in_image].numpy()
            of_objects = [skeletons[label] for label in labels]
            labelled = draw_keypoints(labelled, keypoints, of_objects, image_size=(height, width))
        present = np.unique(labels)
        drawn += [labelled, draw_heatmap(image, _heatmaps_of(predictor, targets, i, present), labels=present)]
        captions += [Path(batch.views[i].name).name, "target heatmaps"]
    return contact_sheet(drawn, captions, columns=4)


def _heatmaps_of(
    predictor: TorchPredictor, targets: Targets, number: int, labels: Int[np.ndarray, " c"]
) -> Float32[np.ndarray, "c h w"]:
    """The target heatmap of some classes of an image, the maximum if a class has several."""
    image, classes, count = torch.tensor([number]), torch.from_numpy(labels), len(predictor.categories)
    chosen = {
        name: targets[name].index_select(0, image).index_select(1, classes)
        for name, spec in predictor.task.heads.items()
        if spec.heatmap and targets[name].shape[1] == count
    }
    heatmaps = [value[0].numpy() for value in predictor.heatmaps(chosen).values()]
    return np.max(heatmaps, axis=0) if heatmaps else np.zeros((0, 1, 1), dtype=np.float32)
