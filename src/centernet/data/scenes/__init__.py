"""The built-in generator of annotated images: shapes on clutter, the same bytes every time."""

from centernet.data.scenes.layouts import HARD_CASES, MODES
from centernet.data.scenes.scene import Scenes, generate
from centernet.data.scenes.shapes import OUTLINES
from centernet.data.scenes.writing import write_scenes

__all__ = ["HARD_CASES", "MODES", "OUTLINES", "Scenes", "generate", "write_scenes"]
