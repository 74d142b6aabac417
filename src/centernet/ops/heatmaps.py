"""Heatmaps of several layers as one."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from centernet.protocols import HeadSpec


def merge_heatmaps(
    maps: Mapping[str, Tensor], heads: Mapping[str, HeadSpec]
) -> dict[str, Float[Tensor, "b c h w"]]:
    """Heatmaps by name, all layers of each in one as fine as the finest: what is drawn of a task's maps.

    Args:
        maps: Raw or ideal, dense or sparse; heatmaps that are not among them are left out.
        heads: Of the task.
    """
    merged: dict[str, Tensor] = {}
    for name, spec in heads.items():
        if not spec.heatmap or name not in maps:
            continue
        layer = maps[name].to_dense()
        finest = merged.setdefault(spec.heatmap, layer)
        rows, columns = finest.shape[2:]
        times = -(-rows // layer.shape[2])
        enlarged = layer.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
        merged[spec.heatmap] = torch.maximum(finest, enlarged[:, :, :rows, :columns])
    return merged
