"""Detections of an image, and everything a person does with them."""

from centernet.detections.detections import Detections

__all__ = ["Detections"]
