"""Weights included in the package, one folder each."""

from pathlib import Path

ZOO = Path(__file__).parent
CONFIG, MODEL = "config.json", "model.safetensors"
"""Names of the files in a weights folder."""


def names() -> list[str]:
    """Names of the included weights, sorted."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{MODEL}"))


START_WEIGHTS = "objects-"
"""Names of weights to begin a training from: this, and the name of the network."""


def start_weights() -> dict[str, str]:
    """Names of the weights to begin from, by the network that they fit."""
    return {name.removeprefix(START_WEIGHTS): name for name in names() if name.startswith(START_WEIGHTS)}
