"""Losses on maps: Zhou et al. 2019, "Objects as Points", eq. 1 to 3."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import read
from centernet.protocols import PointMap


def focal_loss(
    logits: Float[Tensor, "b c h w"],
    heatmap: Float[Tensor, "b c h w"],
    alpha: float = 2.0,
    beta: float = 4.0,
    soft_targets: Float[Tensor, " p"] | None = None,
) -> Float[Tensor, ""]:
    """Penalty-reduced focal loss for each positive cell, the summed loss where there is none (eq. 1).

    Probabilities are kept within 1e-4 of 0 and 1, as in the original: beyond that nothing is learned.

    Args:
        logits: Raw heatmap.
        heatmap: Ideal one; positives are exactly 1.
        alpha: How much easy cells count less.
        beta: How much cells near a positive count less.
        soft_targets: What positive cells, in the order of `heatmap`, should hold, where it is not 1: the quality
            focal loss (Li et al. 2020, "Generalized Focal Loss", eq. 2), whose value for 1 is that of eq. 1.
    """
    probability = logits.float().sigmoid().clamp(1e-4, 1 - 1e-4)
    is_positive = heatmap == 1
    positive = probability[is_positive]
    if soft_targets is None:
        positive_loss = ((1 - positive) ** alpha * positive.log()).sum()
    else:
        entropy = soft_targets * positive.log() + (1 - soft_targets) * (1 - positive).log()
        positive_loss = ((soft_targets - positive).abs() ** alpha * entropy).sum()
    # At positives `1 - heatmap` is 0, so they drop out of the negative sum by themselves.
    negative_loss = ((1 - probability).log() * probability**alpha * (1 - heatmap) ** beta).sum()
    return -(positive_loss + negative_loss) / max(len(positive), 1)


def l1_at_cells(
    maps: Float[Tensor, "b d h w"] | PointMap, cells: Int[Tensor, "m 3"], targets: Float[Tensor, "m d"]
) -> Float[Tensor, ""]:
    """`l1_loss` of what maps say at the cells of the objects."""
    return l1_loss(read(maps, cells).float(), targets)


def l1_loss(
    said: Float[Tensor, "m d"], targets: Float[Tensor, "m d"], weights: Float[Tensor, " m"] | None = None
) -> Float[Tensor, ""]:
    """Mean absolute error of what is said at the cells of the objects; 0 without objects (eq. 2 and 3).

    Args:
        said: Cell by cell.
        targets: The truth there.
        weights: Of each cell in the mean, where they are not all the same.
    """
    errors = (said - targets).abs()
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
        boxes: What is said.
        ground_truth: Box by box.
        weights: Of each box in the mean, where they are not all the same.
    """
    hull = torch.maximum(boxes[:, 2:], ground_truth[:, 2:]) - torch.minimum(boxes[:, :2], ground_truth[:, :2])
    around = hull.prod(1).clamp(min=1e-6)
    shared, union = _shared_and_union(boxes, ground_truth)
    giou = shared / union - (around - union) / around
    if weights is None:
        return (1 - giou).sum() / max(len(boxes), 1)
    return ((1 - giou) * weights).sum() / (weights.sum() + 1e-4)


def paired_iou(boxes: Float[Tensor, "m 4"], ground_truth: Float[Tensor, "m 4"]) -> Float[Tensor, " m"]:
    """Intersection over union of each box with its truth; 0 for boxes turned inside out."""
    shared, union = _shared_and_union(boxes, ground_truth)
    return shared / union


def _shared_and_union(
    boxes: Float[Tensor, "m 4"], ground_truth: Float[Tensor, "m 4"]
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    intersection = (
        torch.minimum(boxes[:, 2:], ground_truth[:, 2:]) - torch.maximum(boxes[:, :2], ground_truth[:, :2])
    ).clamp(min=0)
    shared = intersection.prod(1)
    sides, true_sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0), ground_truth[:, 2:] - ground_truth[:, :2]
    return shared, (sides.prod(1) + true_sides.prod(1) - shared).clamp(min=1e-6)
