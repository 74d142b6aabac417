"""Writing a detector as one file that other programs run."""

from centernet.export.choices import place_of, precision_of
from centernet.export.parity import TOLERANCES, Parity, Tolerance
from centernet.export.writing import MOST_CALIBRATION, export

__all__ = ["MOST_CALIBRATION", "TOLERANCES", "Parity", "Tolerance", "export", "place_of", "precision_of"]
