"""Writing a detector as one file that other programs run."""

from centernet.export.arguments import place_of, precision_of
from centernet.export.exporter import MOST_CALIBRATION, export
from centernet.export.parity import TOLERANCES, Parity, Tolerance

__all__ = ["MOST_CALIBRATION", "TOLERANCES", "Parity", "Tolerance", "export", "place_of", "precision_of"]
