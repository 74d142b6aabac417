"""Weights included in the package, one folder each."""

from pathlib import Path

ZOO = Path(__file__).parent
CONFIG, MODEL = "config.json", "model.safetensors"
"""Names of the files in a weights folder."""


def names() -> list[str]:
    """Names of the included weights, sorted."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{MODEL}"))
