"""Drawings of detections and ground truth on images: arrays in, arrays out."""

from centernet.drawing.annotations import draw_annotations
from centernet.drawing.birds_eye import draw_birds_eye, draw_boxes3d_and_birds_eye
from centernet.drawing.boxes import draw_boxes
from centernet.drawing.boxes3d import draw_boxes3d
from centernet.drawing.colors import class_color
from centernet.drawing.contact_sheet import contact_sheet, fit, message_tile
from centernet.drawing.explanations import Reasons, draw_explanation
from centernet.drawing.heatmaps import draw_heatmap
from centernet.drawing.keypoints import draw_dots, draw_keypoints

__all__ = [
    "Reasons",
    "class_color",
    "contact_sheet",
    "draw_annotations",
    "draw_birds_eye",
    "draw_boxes",
    "draw_boxes3d",
    "draw_boxes3d_and_birds_eye",
    "draw_dots",
    "draw_explanation",
    "draw_heatmap",
    "draw_keypoints",
    "fit",
    "message_tile",
]
