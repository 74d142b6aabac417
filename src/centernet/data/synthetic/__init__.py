"""Synthetic annotated images: shapes, stick figures and roads with 3D boxes, reproducible to the byte."""

from centernet.data.synthetic.layouts import FIGURES, HARD_CASES, MODES
from centernet.data.synthetic.roads import ROADS
from centernet.data.synthetic.scene import Scenes, generate
from centernet.data.synthetic.shapes import OUTLINES
from centernet.data.synthetic.writing import write_scenes

__all__ = ["FIGURES", "HARD_CASES", "MODES", "OUTLINES", "ROADS", "Scenes", "generate", "write_scenes"]
