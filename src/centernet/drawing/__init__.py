"""Pictures of what was found and what is true: arrays in, arrays out."""

from centernet.drawing.boxes import draw_boxes
from centernet.drawing.colors import class_color
from centernet.drawing.heatmaps import draw_heatmap
from centernet.drawing.keypoints import draw_keypoints
from centernet.drawing.sheets import contact_sheet, fit, message_tile, side_by_side

__all__ = [
    "class_color",
    "contact_sheet",
    "draw_boxes",
    "draw_heatmap",
    "draw_keypoints",
    "fit",
    "message_tile",
    "side_by_side",
]
