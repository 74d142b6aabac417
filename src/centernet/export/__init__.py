"""Writing a detector as one file that other programs run."""

from centernet.export.onnx import export_onnx
from centernet.export.parity import Parity

__all__ = ["Parity", "export_onnx"]
