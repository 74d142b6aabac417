"""Export of a detector to one file that other runtimes run."""

from centernet.export.exporter import export
from centernet.export.parity import TOLERANCES, Parity, Tolerance

__all__ = ["TOLERANCES", "Parity", "Tolerance", "export"]
