"""From samples to the tensors of a batch."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.batch import Batch, Objects
from centernet.structures import Sample


def collate(samples: Sequence[Sample], *, with_crowd: bool = False) -> Batch:
    """One batch of samples; inputs of different sizes are filled up with black on the right and below.

    Args:
        samples: What goes in.
        with_crowd: Take crowd regions for ordinary objects, as the original does. By default they are left
            out: many things in one box have no centre.
    """
    kept = [
        sample.annotations if with_crowd else sample.annotations[~sample.annotations.is_crowd]
        for sample in samples
    ]
    counts = torch.tensor([len(annotations) for annotations in kept])
    return Batch(
        images=torch.from_numpy(_stack([sample.image for sample in samples]))
        .permute(0, 3, 1, 2)
        .contiguous(),
        objects=Objects(
            boxes=torch.from_numpy(np.concatenate([annotations.boxes for annotations in kept])),
            labels=torch.from_numpy(np.concatenate([annotations.labels for annotations in kept])),
            image_index=torch.repeat_interleave(torch.arange(len(samples)), counts),
            keypoints=torch.from_numpy(np.concatenate([annotations.keypoints for annotations in kept])),
        ),
        views=tuple(sample.view for sample in samples),
        image_ids=tuple(sample.image_id for sample in samples),
    )


def _stack(images: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "b h w 3"]:
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    stacked = np.zeros((len(images), height, width, 3), dtype=np.uint8)
    for row, image in zip(stacked, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return stacked
