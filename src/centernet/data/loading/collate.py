"""From samples to the tensors of a batch."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from centernet.io.images import stack_images
from centernet.structures import Annotations, Sample
from centernet.structures.batch import Batch, BatchAnnotations


def collate(samples: Sequence[Sample], *, with_crowd: bool = False, with_ignored: bool = False) -> Batch:
    """One batch of samples; inputs of different sizes are filled up with black on the right and below.

    Args:
        samples: What goes in.
        with_crowd: Take crowd regions for ordinary objects, as the original does. By default they are left
            out: many things in one box have no centre.
        with_ignored: Hand crowd regions on as such, for tasks that learn nothing there.
    """
    parts = [
        sample.annotations if with_crowd or with_ignored else sample.annotations[~sample.annotations.is_crowd]
        for sample in samples
    ]
    counts = torch.tensor([len(part) for part in parts])
    kept = Annotations.joined(parts)
    is_ignored = kept.is_crowd if with_ignored else np.zeros(len(kept), dtype=bool)
    return Batch(
        images=torch.from_numpy(stack_images([sample.image for sample in samples])),
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
    """Input pixels from camera metres."""
    unknown = np.full((3, 4), np.nan, dtype=np.float32)
    return np.stack(
        [
            unknown if view.camera is None else (view.input_from_image @ view.camera).astype(np.float32)
            for view in (sample.view for sample in samples)
        ]
    )
