"""State dicts of the original without numbers in them: keys and shapes decide what a checkpoint is."""

import torch
from tests.helpers.seeded_weights import Manifest, manifests
from torch import Tensor

from centernet.conversion.converter import COUNTER


def tensors(manifest: Manifest) -> dict[str, Tensor]:
    """Tensors of these shapes that take no memory."""
    return {
        key: torch.empty(shape, dtype=torch.int64 if key.endswith(COUNTER) else torch.float32, device="meta")
        for key, shape in manifest.items()
    }


def state_of(name: str, **shapes: tuple[int, ...] | None) -> dict[str, Tensor]:
    """The state dict of a network of the original, `ctdet_res_18`.

    Args:
        name: Its task and architecture.
        shapes: Entries that have other shapes than there, or are absent; `__` stands for a dot.
    """
    changed = {key.replace("__", "."): shape for key, shape in shapes.items()}
    manifest = {**manifests()[name], **changed}
    return tensors({key: shape for key, shape in manifest.items() if shape is not None})


def without(name: str, *words: str) -> dict[str, Tensor]:
    """The state dict without the entries whose keys begin with one of these words."""
    return {
        key: value
        for key, value in state_of(name).items()
        if not any(key == word or key.startswith(f"{word}.") for word in words)
    }
