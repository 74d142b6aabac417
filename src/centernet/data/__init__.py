"""Data sets: formats, checks, transforms, batches, and generated images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centernet.data.formats.catalog import open_dataset, splits

__all__ = ["open_dataset", "splits"]


def __getattr__(name: str) -> Any:
    """A function when it is first asked for: its readers are not needed to draw or to batch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("centernet.data.formats.catalog"), name)
