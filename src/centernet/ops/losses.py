"""Losses on maps: Zhou et al. 2019, "Objects as Points", eq. 1 to 3."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.background import background_and_cells
from centernet.ops.cells import read
from centernet.protocols import PointMap

_MARGIN = 1e-4
"""Distance from 0 and 1 that the focal loss keeps, as in the original."""


def focal_loss(
    logits: Float[Tensor, "b c h w"],
    heatmap: Float[Tensor, "b c h w"],
    alpha: float = 2.0,
    beta: float = 4.0,
    soft_targets: Float[Tensor, " p"] | None = None,
) -> Float[Tensor, ""]:
    """Penalty-reduced focal loss, summed and divided by the number of positive cells, at least 1 (eq. 1).

    Probabilities are clamped to 1e-4 from 0 and 1, as in the original: beyond that the gradient is 0. With a
    sparse target the cells that it does not list are computed apart: see `ops.background`.

    Args:
        logits: Predicted heatmap.
        heatmap: Target heatmap, dense or sparse; positives are exactly 1.
        alpha: Exponent that lowers the weight of easy cells.
        beta: Exponent that lowers the weight of negatives near a positive.
        soft_targets: Targets of the positive cells, in the order of the flat `heatmap`, where they are not 1:
            the quality focal loss (Li et al. 2020, "Generalized Focal Loss", eq. 2); targets of 1 give eq. 1.
    """
    background: Tensor | float = 0.0
    if heatmap.is_sparse:
        background, logits, heatmap = background_and_cells(logits, heatmap, alpha, _MARGIN)
    probability = _single(logits).sigmoid().clamp(_MARGIN, 1 - _MARGIN)
    is_positive = heatmap == 1
    positive = probability[is_positive]
    if soft_targets is None:
        positive_loss = ((1 - positive) ** alpha * positive.log()).sum()
    else:
        entropy = soft_targets * positive.log() + (1 - soft_targets) * (1 - positive).log()
        positive_loss = ((soft_targets - positive).abs() ** alpha * entropy).sum()
    # At positives `1 - heatmap` is 0, so they add nothing to the negative sum.
    negative_loss = ((1 - probability).log() * probability**alpha * (1 - heatmap) ** beta).sum()
    return (background - (positive_loss + negative_loss)) / max(len(positive), 1)


def soft_focal_loss(logits: Float[Tensor, "b c h w"], heatmap: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Quality focal loss with all values of the Gaussians as soft targets: Li et al. 2020, eq. 2.

    Cross-entropy times squared difference, summed and divided by the sum of the targets, at least 1, times 4.

    Args:
        logits: Predicted heatmap.
        heatmap: Target heatmap, dense or sparse, 0 to 1.
    """
    background: Tensor | float = 0.0
    if heatmap.is_sparse:
        background, logits, heatmap = background_and_cells(logits, heatmap, alpha=2.0, margin=0.0)
    logits = _single(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, heatmap.to(logits.dtype), reduction="none")
    loss = background + ((heatmap - logits.sigmoid()).square() * entropy).sum()
    return 4 * loss / heatmap.sum().clamp(min=1.0)


def _single(logits: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Logits in single precision at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def l1_at_cells(
    maps: Float[Tensor, "b d h w"] | PointMap, cells: Int[Tensor, "m 3"], targets: Float[Tensor, "m d"]
) -> Float[Tensor, ""]:
    """`l1_loss` of the values of maps at the cells of the objects."""
    return l1_loss(read(maps, cells).float(), targets)


def l1_loss(
    predicted: Float[Tensor, "m d"], targets: Float[Tensor, "m d"], weights: Float[Tensor, " m"] | None = None
) -> Float[Tensor, ""]:
    """Mean absolute error at the cells of the objects; 0 without objects (eq. 2 and 3).

    Args:
        predicted: Values of each cell.
        targets: Target values of each cell.
        weights: Weight of each cell in the mean; equal by default.
    """
    errors = (predicted - targets).abs()
    if weights is None:
        return errors.sum() / (errors.numel() + 1e-4)
    return (errors * weights[:, None]).sum() / (weights.sum() * errors.shape[1] + 1e-4)


def giou_loss(
    boxes: Float[Tensor, "m 4"],
    ground_truth: Float[Tensor, "m 4"],
    weights: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of 1 − generalised IoU; 0 without boxes: Rezatofighi et al. 2019, alg. 1.

    Args:
        boxes: Predicted boxes `(x1, y1, x2, y2)`.
        ground_truth: The ground-truth box of each.
        weights: Weight of each box in the mean; equal by default.
    """
    hull = torch.maximum(boxes[:, 2:], ground_truth[:, 2:]) - torch.minimum(boxes[:, :2], ground_truth[:, :2])
    hull_area = hull.prod(1).clamp(min=1e-6)
    intersection, union = _intersection_and_union(boxes, ground_truth)
    giou = intersection / union - (hull_area - union) / hull_area
    if weights is None:
        return (1 - giou).sum() / max(len(boxes), 1)
    return ((1 - giou) * weights).sum() / (weights.sum() + 1e-4)


def paired_iou(boxes: Float[Tensor, "m 4"], ground_truth: Float[Tensor, "m 4"]) -> Float[Tensor, " m"]:
    """IoU of each predicted box with its ground-truth box; 0 for boxes with swapped corners."""
    intersection, union = _intersection_and_union(boxes, ground_truth)
    return intersection / union


def _intersection_and_union(
    boxes: Float[Tensor, "m 4"], ground_truth: Float[Tensor, "m 4"]
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    overlap = torch.minimum(boxes[:, 2:], ground_truth[:, 2:]) - torch.maximum(
        boxes[:, :2], ground_truth[:, :2]
    )
    intersection = overlap.clamp(min=0).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    ground_truth_area = (ground_truth[:, 2:] - ground_truth[:, :2]).prod(1)
    return intersection, (area + ground_truth_area - intersection).clamp(min=1e-6)


def shared_count(count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The divisor of a device's sum: the mean over devices is then the total sum over the total count.

    It is at least 1 over the number of devices, so that sums are kept where there is nothing to count.

    Args:
        count: Count on this device. Counts are summed over devices only where gradients are computed: in
            validation, devices may have different numbers of batches, and would wait for each other.
    """
    if not (torch.is_grad_enabled() and dist.is_available() and dist.is_initialized()):
        return count.clamp(min=1)
    total = count.detach().clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()
