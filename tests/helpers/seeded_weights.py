"""Seeded weights and inputs of the golden forward passes, made from names and shapes alone."""

import gzip
import json
import math
import re
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

Manifest = dict[str, tuple[int, ...]]
"""Shape of each entry of a state dict, in order."""


@cache
def manifests() -> dict[str, Manifest]:
    """The names and shapes of every state dict of the original, by task and network: `ctdet_dla_34`."""
    text = gzip.decompress(Path(__file__).with_name("manifests.json.gz").read_bytes())
    return {
        name: {key: tuple(shape) for key, shape in entries.items()}
        for name, entries in json.loads(text).items()
    }


def fill(manifest: Manifest) -> dict[str, np.ndarray]:
    """A state dict whose entries come from separate generators, each seeded with its key."""
    return {key: _values(key, shape, manifest) for key, shape in manifest.items()}


def _values(key: str, shape: tuple[int, ...], manifest: Manifest) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    name = key.rpartition(".")[2]
    if name == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if name == "running_var":
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if name == "running_mean":
        deviation = 0.1
    elif name == "bias":
        deviation = 0.3 if "conv_offset_mask" in key else 0.05
    elif len(shape) == 4:
        # Even kernels are transposed convolutions; those with one output channel a group are depth-wise.
        inputs = math.prod(shape[1:]) if shape[-1] % 2 else 4 * (1 if shape[1] == 1 else shape[0])
        deviation = _gain(key, manifest) * math.sqrt(2 / inputs)
    else:
        scale = _scale(key, manifest)
        return (scale * (1 + 0.1 * rng.standard_normal(shape))).astype(np.float32)
    return (deviation * rng.standard_normal(shape)).astype(np.float32)


def _gain(key: str, manifest: Manifest) -> float:
    """Scale of convolution weights: larger for deformable ones, whose mask halves the output."""
    if "conv_offset_mask" in key:
        return 0.5
    return 1.4 if f"{key.removesuffix('weight')}conv_offset_mask.weight" in manifest else 1.0


def _scale(key: str, manifest: Manifest) -> float:
    """Scale of normalisations: small for the last of a block and for shortcuts, so that sums stay bounded."""
    match = re.match(r"^(.*\.bn)([23])\.weight$", key)
    if match and f"{match[1]}{int(match[2]) + 1}.weight" not in manifest:
        return 0.15
    return 0.6 if re.search(r"(downsample|project|skip|inters_\.\d+|cnvs_\.\d+)\.1\.weight$", key) else 1.0


def checksum(state: Mapping[str, np.ndarray]) -> list[float]:
    """Sum and sum of absolute values of all entries."""
    sums = [float(value.sum(dtype=np.float64)) for value in state.values()]
    absolute = [float(np.abs(value).sum(dtype=np.float64)) for value in state.values()]
    return [sum(sums), sum(absolute)]


def make_input(height: int, width: int, count: int = 1, seed: int = 20190416) -> np.ndarray:
    """Noise of the shape of a network's input."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.standard_normal((count, 3, height, width)).astype(np.float32)
