"""Weights: loading and saving of weights folders, and transfer between networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centernet.weights.files import fill, load, save, transfer

__all__ = ["fill", "load", "save", "transfer"]


def __getattr__(name: str) -> Any:
    """Imports a function when it is first used: listing the weights needs no torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("centernet.weights.files"), name)
