"""Losses of corners and their tags: Law & Deng 2018, "CornerNet", sec. 3.2 and 3.3.

Each is a mean over all images or objects of a step on all devices: see `shared_count`.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import read
from centernet.ops.losses import focal_loss, shared_count
from centernet.ops.sparse_heatmaps import positives
from centernet.protocols import PointMap


def shared_focal_loss(
    logits: Float[Tensor, "b c h w"], heatmap: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """`focal_loss` per positive cell of all devices."""
    count = logits.new_tensor(float(len(positives(heatmap))), dtype=torch.float32)
    return focal_loss(logits, heatmap) * count.clamp(min=1) / shared_count(count)


def smooth_l1_at_cells(
    maps: Float[Tensor, "b d h w"] | PointMap, cells: Int[Tensor, "m 3"], targets: Float[Tensor, "m d"]
) -> Float[Tensor, ""]:
    """Mean smooth L1 error of maps at cells, per cell; 0 without any (eq. 2 and 3)."""
    error = F.smooth_l1_loss(read(maps, cells).float(), targets, reduction="sum")
    return error / shared_count(error.new_tensor(float(len(cells))))


def pull_and_push(
    first: Float[Tensor, " m"], second: Float[Tensor, " m"], image_index: Int[Tensor, " m"], images: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Losses that pull the two tags of an object together and push objects apart (eq. 4 and 5).

    Both are means over the objects, or pairs of them, of an image, and then over the images; an image without
    objects, or pairs, counts as 0.

    Args:
        first: Tag of the top-left corner of each object.
        second: Tag of its bottom-right corner.
        image_index: Image of each object.
        images: Number of images of the batch.
    """
    middle = (first + second) / 2
    counts = torch.bincount(image_index, minlength=images)
    num_images = shared_count(first.new_tensor(float(images)))
    apart = (first - middle) ** 2 + (second - middle) ** 2
    pull = (apart / counts[image_index]).sum() / num_images

    one, other = _pairs(image_index, counts)
    near = (1 - (middle[one] - middle[other]).abs()).relu()
    count = counts[image_index[one]]
    push = (near / (count * (count - 1)).clamp(min=1)).sum() / num_images
    return pull, push


def _pairs(
    image_index: Int[Tensor, " m"], counts: Int[Tensor, " b"]
) -> tuple[Int[Tensor, " p"], Int[Tensor, " p"]]:
    """Every two different objects of one image, in both orders."""
    order = image_index.argsort(stable=True)
    partners = counts[image_index[order]]
    one = torch.repeat_interleave(partners)
    run_start = partners.cumsum(0) - partners
    image_start = (counts.cumsum(0) - counts)[image_index[order]]
    other = torch.arange(len(one), device=one.device) - run_start[one] + image_start[one]
    is_pair = one != other
    return order[one[is_pair]], order[other[is_pair]]
