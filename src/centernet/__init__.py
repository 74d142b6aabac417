"""Object detection by points: both CenterNets in modern PyTorch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centernet.conversion import convert
    from centernet.data import open_dataset
    from centernet.detections import Detections
    from centernet.detector import CenterNet
    from centernet.errors import InputError, UsageError
    from centernet.evaluation import Evaluation, score
    from centernet.inference.options import InferenceOptions
    from centernet.recipes.recipe import Recipe
    from centernet.structures import Categories, Skeleton

    __version__: str

__all__ = [
    "Categories",
    "CenterNet",
    "Detections",
    "Evaluation",
    "InferenceOptions",
    "InputError",
    "Recipe",
    "Skeleton",
    "UsageError",
    "__version__",
    "convert",
    "open_dataset",
    "score",
]

_MODULES = {
    "Categories": "centernet.structures",
    "CenterNet": "centernet.detector",
    "Detections": "centernet.detections",
    "Evaluation": "centernet.evaluation",
    "InferenceOptions": "centernet.inference.options",
    "InputError": "centernet.errors",
    "Recipe": "centernet.recipes.recipe",
    "Skeleton": "centernet.structures",
    "UsageError": "centernet.errors",
    "convert": "centernet.conversion",
    "open_dataset": "centernet.data",
    "score": "centernet.evaluation",
}
"""The module of each public name, imported when the name is first used: torch takes seconds to import."""


def __getattr__(name: str) -> Any:
    """A public name, imported on first use."""
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("centernet")
    elif name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module 'centernet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
