"""Collating samples into the tensors of a batch."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from centernet.io.images import pad_images
from centernet.structures import Annotations, Sample
from centernet.structures.batch import Batch, BatchAnnotations


def collate(samples: Sequence[Sample], *, with_crowd: bool = False, with_ignored: bool = False) -> Batch:
    """A batch of samples; smaller inputs are padded with black on the right and at the bottom.

    Args:
        samples: The samples, in order.
        with_crowd: Treat crowd regions as ordinary objects, as the original does. By default they are left
            out: many objects in one box have no centre.
        with_ignored: Keep crowd regions as ignored regions, for tasks that use them.
    """
    parts = [
        sample.annotations if with_crowd or with_ignored else sample.annotations[~sample.annotations.is_crowd]
        for sample in samples
    ]
    counts = torch.tensor([len(part) for part in parts])
    kept = Annotations.joined(parts)
    is_ignored = kept.is_crowd if with_ignored else np.zeros(len(kept), dtype=bool)
    return Batch(
        # Channels last in memory: the copy is the cheapest, and networks compute in this order.
        images=torch.from_numpy(pad_images([sample.image for sample in samples])).permute(0, 3, 1, 2),
        objects=BatchAnnotations(
            boxes=torch.from_numpy(kept.boxes),
            labels=torch.from_numpy(kept.labels),
            image_index=torch.repeat_interleave(torch.arange(len(samples)), counts),
            keypoints=torch.from_numpy(kept.keypoints),
            boxes3d=torch.from_numpy(kept.boxes3d),
            alpha_rad=torch.from_numpy(kept.alpha_rad),
            cameras=torch.from_numpy(_cameras(samples)).repeat_interleave(counts, dim=0),
            is_ignored=torch.from_numpy(is_ignored),
        ),
        views=tuple(sample.view for sample in samples),
        image_ids=tuple(sample.image_id for sample in samples),
    )


def _cameras(samples: Sequence[Sample]) -> Float[np.ndarray, "b 3 4"]:
    """The projection from camera metres to input pixels of each sample."""
    unknown = np.full((3, 4), np.nan, dtype=np.float32)
    return np.stack(
        [
            unknown if view.camera is None else (view.input_from_image @ view.camera).astype(np.float32)
            for view in (sample.view for sample in samples)
        ]
    )
