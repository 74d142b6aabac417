"""Checkpoints of the original Objects-as-Points program, turned into weights of ours."""

from centernet.conversion.converter import Conversion, convert

__all__ = ["Conversion", "convert"]
