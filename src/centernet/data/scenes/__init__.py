"""The built-in generator of annotated images: shapes, figures and roads in 3D, the same bytes every time."""

from centernet.data.scenes.layouts import FIGURES, HARD_CASES, MODES
from centernet.data.scenes.roads import ROADS
from centernet.data.scenes.scene import Scenes, generate
from centernet.data.scenes.shapes import OUTLINES
from centernet.data.scenes.writing import write_scenes

__all__ = ["FIGURES", "HARD_CASES", "MODES", "OUTLINES", "ROADS", "Scenes", "generate", "write_scenes"]
