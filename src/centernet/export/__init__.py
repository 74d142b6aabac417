"""Writing a detector as one file that other programs run."""

from centernet.export.arguments import location_of, precision_of
from centernet.export.exporter import MAX_CALIBRATION, export
from centernet.export.parity import TOLERANCES, Parity, Tolerance

__all__ = ["MAX_CALIBRATION", "TOLERANCES", "Parity", "Tolerance", "export", "location_of", "precision_of"]
