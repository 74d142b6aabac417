"""Seeded weights and inputs of the golden data of keypoint triplets, made from names and shapes alone."""

import gzip
import json
import math
import re
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Manifest = Mapping[str, tuple[int, ...]]
"""Shape of each entry of a state dict, in order."""


@cache
def triplet_manifests() -> dict[str, dict[str, tuple[int, ...]]]:
    """The names and shapes of the state dicts of CenterNet-52 and -104 by `52` and `104`."""
    text = gzip.decompress(Path(__file__).with_name("triplet_manifests.json.gz").read_bytes())
    return {
        name: {key: tuple(shape) for key, shape in entries.items()}
        for name, entries in json.loads(text).items()
    }


def triplet_state(manifest: Manifest, prefix: str = "") -> dict[str, Tensor]:
    """A state dict whose entries come from separate generators, each seeded with its key.

    Args:
        manifest: Keys and shapes.
        prefix: Added before each key for the seed only.
    """
    return {key: torch.from_numpy(_values(prefix + key, shape)) for key, shape in manifest.items()}


def triplet_image(seed: int, shape: tuple[int, int, int, int]) -> Tensor:
    """Smooth blobs and noise of the shape of a network's input."""
    rng = np.random.Generator(np.random.PCG64(seed))
    count, channels, height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    image = np.zeros(shape, np.float64)
    for plane in image.reshape(count * channels, height, width):
        for _ in range(6):
            center_x, center_y = rng.random() * width, rng.random() * height
            spread = (0.03 + 0.2 * rng.random()) * max(height, width)
            strength = rng.standard_normal()
            square = (x - center_x) ** 2 + (y - center_y) ** 2
            plane += 2.0 * strength * np.exp(-square / (2 * spread * spread))
        plane += 0.3 * rng.standard_normal((height, width))
    return torch.from_numpy(image.astype(np.float32))


def _values(key: str, shape: tuple[int, ...]) -> np.ndarray:
    name = key.rpartition(".")[2]
    if name == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    if name == "running_var":
        return (0.5 + rng.random(shape, dtype=np.float32)).astype(np.float32)
    noise = rng.standard_normal(shape, dtype=np.float32)
    if name in ("running_mean", "bias"):
        return (np.float32(0.1) * noise).astype(np.float32)
    if len(shape) == 1:
        return (np.float32(_gain(key)) * (np.float32(1) + np.float32(0.1) * noise)).astype(np.float32)
    deviation = _gain(key) * math.sqrt(2.0 / math.prod(shape[1:]))
    return (np.float32(deviation) * noise).astype(np.float32)


def _gain(key: str) -> float:
    """Scale of weights: small for the last normalisation of a block, between stacks, and ends of heads."""
    if key.endswith("bn2.weight"):
        return 0.3
    if key.startswith(("inters_.", "cnvs_.")) and key.endswith(".1.weight"):
        return 0.1
    return 0.02 if re.match(r"(tl|br|ct)_(heats|tags|regrs)\.\d+\.1\.weight$", key) else 1.0
