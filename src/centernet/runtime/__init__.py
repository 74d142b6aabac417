"""Running a written file: the same detections without the network."""

from centernet.runtime.onnx import OnnxFile
from centernet.runtime.predictor import FilePredictor

__all__ = ["FilePredictor", "OnnxFile"]
