"""The built-in generator of annotated images: shapes and figures on clutter, the same bytes every time."""

from centernet.data.scenes.layouts import FIGURES, HARD_CASES, MODES
from centernet.data.scenes.scene import Scenes, generate
from centernet.data.scenes.shapes import OUTLINES
from centernet.data.scenes.writing import write_scenes

__all__ = ["FIGURES", "HARD_CASES", "MODES", "OUTLINES", "Scenes", "generate", "write_scenes"]
