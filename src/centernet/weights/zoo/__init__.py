"""Weights that come with the package, a folder each."""

from pathlib import Path

ZOO = Path(__file__).parent

CONFIG, MODEL = "config.json", "model.safetensors"


def names() -> list[str]:
    """What they are called."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{MODEL}"))
