"""Running a written file: the same detections without the network."""

from centernet.runtime.formats import FORMATS, is_written
from centernet.runtime.onnx import OnnxFile
from centernet.runtime.openvino import OpenVinoFile
from centernet.runtime.predictor import FilePredictor
from centernet.runtime.program import TorchFile
from centernet.runtime.written import Facts, WrittenFile

__all__ = [
    "FORMATS",
    "Facts",
    "FilePredictor",
    "OnnxFile",
    "OpenVinoFile",
    "TorchFile",
    "WrittenFile",
    "is_written",
]
