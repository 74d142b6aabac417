"""State dicts of the original on the meta device: keys and shapes identify a checkpoint."""

import torch
from tests.helpers.seeded_weights import Manifest, manifests
from torch import Tensor

from centernet.conversion.converter import COUNTER


def tensors(manifest: Manifest) -> dict[str, Tensor]:
    """Tensors of these shapes on the meta device."""
    return {
        key: torch.empty(shape, dtype=torch.int64 if key.endswith(COUNTER) else torch.float32, device="meta")
        for key, shape in manifest.items()
    }


def state_of(name: str, **shapes: tuple[int, ...] | None) -> dict[str, Tensor]:
    """The state dict of a network of the original.

    Args:
        name: Task and architecture, such as `ctdet_res_18`.
        shapes: Shapes of entries to change, None for entries to remove; `__` in a key stands for a dot.
    """
    changed = {key.replace("__", "."): shape for key, shape in shapes.items()}
    manifest = {**manifests()[name], **changed}
    return tensors({key: shape for key, shape in manifest.items() if shape is not None})


def without(name: str, *prefixes: str) -> dict[str, Tensor]:
    """The state dict without the entries whose keys begin with one of these prefixes."""
    return {
        key: value
        for key, value in state_of(name).items()
        if not any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)
    }
