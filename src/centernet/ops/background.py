"""Focal losses of the background in closed form, with its gradient, in pieces that stay in the cache.

A heatmap is background nearly everywhere, and most classes have no object in an image. There the loss and its
gradient depend on the logit alone: they are computed together in one pass over the map, so that a training
step holds two maps, the logits and their gradient, instead of ten. The few other cells are handed out as a
list, for any formula.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from centernet.ops.sparse_heatmaps import flat_positions

CELLS_AT_ONCE = 1 << 17
"""Cells of a piece on the CPU: five of these fit into the second cache of a core."""

CELLS_AT_ONCE_ON_GPU = 1 << 24
"""Cells of a piece elsewhere: few enough to need little memory, enough for all cores."""


def background_and_cells(
    logits: Float[Tensor, "b c h w"], heatmap: Float[Tensor, "b c h w"], alpha: float, margin: float
) -> tuple[Float[Tensor, ""], Float[Tensor, " n"], Float[Tensor, " n"]]:
    """The focal loss of all cells that a heatmap does not list, and logits and values of those it lists.

    The loss of a cell with target 0 is `-log(1 - p) p ** alpha`.

    Args:
        logits: Predicted heatmap, in any order of memory.
        heatmap: Target heatmap, sparse.
        alpha: Exponent that lowers the weight of easy cells.
        margin: Probabilities are clamped to this distance from 0 and 1; beyond it the gradient is 0.

    Returns:
        The sum of the loss, in single precision as the dense loss, or in double if the logits are; logits
        in that precision and values of the listed cells, in the order of the flat map.
    """
    if not any(
        logits.is_contiguous(memory_format=form) for form in (torch.contiguous_format, torch.channels_last)
    ):
        logits = logits.contiguous()
    places = flat_positions(heatmap, logits.stride())
    loss, listed = _Background.apply(logits, places, alpha, margin, torch.is_grad_enabled())
    return loss, listed, heatmap.values().to(listed.dtype)


class _Background(torch.autograd.Function):
    """Sum of the loss of the background, and the logits of the cells that are not."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, places: Int[Tensor, " n"], alpha: float, margin: float, is_learned: bool
    ) -> tuple[Tensor, Tensor]:
        precision = torch.promote_types(logits.dtype, torch.float32)
        cells = _in_memory_order(logits)
        slopes = torch.empty_like(cells) if is_learned and ctx.needs_input_grad[0] else None
        at_once = min(_cells_at_once(logits), max(len(cells), len(places), 1))
        room = [torch.empty(at_once, dtype=precision, device=logits.device) for _ in range(5)]
        loss = _sum(cells, slopes, alpha, margin, room)
        listed = cells.index_select(0, places)
        # Equal numbers are taken away again: in double precision nothing is left of them.
        loss -= _sum(listed, None, alpha, margin, room)
        if slopes is not None:
            ctx.save_for_backward(slopes, places)
            ctx.layout = logits.shape, logits.stride()
        return loss.to(precision), listed.to(precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_loss, of_listed = gradients
        slopes, places = ctx.saved_tensors
        # A read of the factor would wait for a GPU; there the product costs little.
        if of_loss.device.type != "cpu" or of_loss.item() != 1:
            slopes = _times(slopes, of_loss)
        slopes.index_copy_(0, places, of_listed.to(slopes.dtype))
        return slopes.as_strided(*ctx.layout), None, None, None, None


def _sum(
    logits: Float[Tensor, " n"],
    slopes: Float[Tensor, " n"] | None,
    alpha: float,
    margin: float,
    room: list[Tensor],
) -> Float[Tensor, ""]:
    """The sum of the loss over cells of target 0 in double precision; its slopes are written if wanted."""
    total = torch.zeros((), dtype=torch.float64, device=logits.device)
    at_once = len(room[0])
    for start in range(0, len(logits), at_once):
        piece = logits[start : start + at_once]
        values, p, q, log, slope = (one[: len(piece)] for one in room)
        values = piece if piece.dtype == values.dtype else values.copy_(piece)
        torch.sigmoid(values, out=p)
        if margin:
            p.clamp_(margin, 1 - margin)
            torch.log(torch.sub(1, p, out=q), out=log)
        else:
            torch.sub(1, p, out=q)
            torch.logaddexp(values, torch.zeros_like(values[:1]), out=log).neg_()
        if slopes is not None:
            torch.addcmul(p, q, log, value=-alpha, out=slope)
        weight = p.mul_(p) if alpha == 2 else p.pow_(alpha)
        total -= log.mul_(weight).sum(dtype=torch.float64)
        if slopes is not None:
            slope.mul_(weight)
            if margin:
                limit = math.log(1 / margin - 1)
                torch.ops.aten.hardtanh_backward.grad_input(slope, values, -limit, limit, grad_input=slope)
            slopes[start : start + at_once] = slope
    return total


def _times(slopes: Float[Tensor, " n"], factor: Float[Tensor, ""]) -> Float[Tensor, " n"]:
    """Slopes times a number that is not rounded to their precision."""
    scaled = torch.empty_like(slopes)
    at_once = _cells_at_once(slopes)
    for start in range(0, len(slopes), at_once):
        piece = slice(start, start + at_once)
        scaled[piece] = slopes[piece].to(factor.dtype) * factor
    return scaled


def _cells_at_once(maps: Tensor) -> int:
    return CELLS_AT_ONCE if maps.device.type == "cpu" else CELLS_AT_ONCE_ON_GPU


def _in_memory_order(maps: Tensor) -> Tensor:
    """The numbers of a map in the order of its memory, which has no gaps."""
    return maps.as_strided((maps.numel(),), (1,))
