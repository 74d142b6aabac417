"""Conversion of checkpoints of both original CenterNet programs to weights of this library."""

from centernet.conversion.converter import Conversion, convert

__all__ = ["Conversion", "convert"]
