"""Detections of an image: to draw, save, crop and convert to other formats."""

from centernet.detections.detections import Detections

__all__ = ["Detections"]
