"""Exports a detector as one file that other programs run."""

from centernet.export.exporter import export
from centernet.export.parity import TOLERANCES, Parity, Tolerance

__all__ = ["TOLERANCES", "Parity", "Tolerance", "export"]
