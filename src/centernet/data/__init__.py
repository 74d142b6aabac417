"""Data sets: formats, checks, augmentation, loading, and synthetic images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centernet.data.formats.catalog import open_dataset, splits

__all__ = ["open_dataset", "splits"]


def __getattr__(name: str) -> Any:
    """Imports a function at its first use: drawing and batching do not need the readers."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("centernet.data.formats.catalog"), name)
