"""Pictures of training batches."""

from dataclasses import replace

import numpy as np
import torch
from tests.helpers.exportable import TASKS, predictor_of

from centernet.structures.batch import Batch, BatchAnnotations
from centernet.structures.sample import sample_of
from centernet.training.batch_images import draw_batch


def test_the_keypoints_of_poses_are_drawn() -> None:
    predictor = predictor_of(TASKS["pose"], "slim")
    count = predictor.categories.max_keypoints
    label = next(label for label, number in enumerate(predictor.categories.num_keypoints) if number)
    keypoints = torch.zeros(1, count, 3)
    keypoints[0, :, :2] = torch.tensor([30.0, 40.0])
    keypoints[0, : predictor.categories.num_keypoints[label], 2] = 2
    objects = BatchAnnotations(
        boxes=torch.tensor([[8.0, 8.0, 56.0, 56.0]]),
        labels=torch.tensor([label]),
        image_index=torch.tensor([0]),
        keypoints=keypoints,
    )
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    batch = Batch(
        images=torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        objects=objects,
        views=(sample_of(image, "a.png").view,),
        image_ids=(1,),
    )
    hidden = replace(objects, keypoints=torch.zeros(1, count, 3))

    drawn, without = (draw_batch(replace(batch, objects=one), predictor) for one in (objects, hidden))

    left = drawn.shape[1] // 2
    assert (drawn[:, :left] != without[:, :left]).any()
