"""Find things in images by their points: both CenterNets in modern PyTorch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centernet.conversion import convert
    from centernet.detections import Detections
    from centernet.detector import CenterNet
    from centernet.errors import InputError, UsageError
    from centernet.recipes.recipe import Recipe
    from centernet.structures import Categories

    __version__: str

__all__ = [
    "Categories",
    "CenterNet",
    "Detections",
    "InputError",
    "Recipe",
    "UsageError",
    "__version__",
    "convert",
]

_HOMES = {
    "Categories": "centernet.structures",
    "CenterNet": "centernet.detector",
    "Detections": "centernet.detections.detections",
    "InputError": "centernet.errors",
    "Recipe": "centernet.recipes.recipe",
    "UsageError": "centernet.errors",
    "convert": "centernet.conversion",
}


def __getattr__(name: str) -> Any:
    """A public name when it is first asked for: torch takes seconds to import, and help should not."""
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("centernet")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'centernet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
