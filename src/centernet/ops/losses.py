"""Losses on maps: Zhou et al. 2019, "Objects as Points", eq. 1 to 3."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from centernet.ops.cells import read


def focal_loss(
    logits: Float[Tensor, "b c h w"], heatmap: Float[Tensor, "b c h w"], alpha: float = 2.0, beta: float = 4.0
) -> Float[Tensor, ""]:
    """Penalty-reduced focal loss for each positive cell, the summed loss where there is none (eq. 1).

    Probabilities are kept within 1e-4 of 0 and 1, as in the original: beyond that nothing is learned.

    Args:
        logits: Raw heatmap.
        heatmap: Ideal one; positives are exactly 1.
        alpha: How much easy cells count less.
        beta: How much cells near a positive count less.
    """
    probability = logits.float().sigmoid().clamp(1e-4, 1 - 1e-4)
    is_positive = heatmap == 1
    positive = probability[is_positive]
    positive_loss = ((1 - positive) ** alpha * positive.log()).sum()
    # At positives `1 - heatmap` is 0, so they drop out of the negative sum by themselves.
    negative_loss = ((1 - probability).log() * probability**alpha * (1 - heatmap) ** beta).sum()
    return -(positive_loss + negative_loss) / max(len(positive), 1)


def l1_at_cells(
    maps: Float[Tensor, "b d h w"], cells: Int[Tensor, "m 3"], targets: Float[Tensor, "m d"]
) -> Float[Tensor, ""]:
    """Mean absolute error of what maps say at the cells of the objects; 0 without objects (eq. 2 and 3)."""
    errors = (read(maps, cells).float() - targets).abs()
    return errors.sum() / (errors.numel() + 1e-4)


def giou_loss(boxes: Float[Tensor, "m 4"], truth: Float[Tensor, "m 4"]) -> Float[Tensor, ""]:
    """Mean of 1 − generalised IoU; 0 without boxes: Rezatofighi et al. 2019, alg. 1."""
    intersection = (
        torch.minimum(boxes[:, 2:], truth[:, 2:]) - torch.maximum(boxes[:, :2], truth[:, :2])
    ).clamp(min=0)
    hull = torch.maximum(boxes[:, 2:], truth[:, 2:]) - torch.minimum(boxes[:, :2], truth[:, :2])
    shared, around = intersection.prod(1), hull.prod(1).clamp(min=1e-6)
    sides, true_sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0), truth[:, 2:] - truth[:, :2]
    union = (sides.prod(1) + true_sides.prod(1) - shared).clamp(min=1e-6)
    giou = shared / union - (around - union) / around
    return (1 - giou).sum() / max(len(boxes), 1)
