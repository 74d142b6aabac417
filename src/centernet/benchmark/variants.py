"""The variants in which one detector can be run: weights, or a file of each export format and precision."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centernet.detector import CenterNet
from centernet.inference.backends.formats import FORMATS

MAX_CALIBRATION = 64
"""Calibration images of 8-bit variants."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One variant of a detector.

    Attributes:
        format: As for `export`; empty for the weights themselves.
        half: Compute in 16 bits.
        int8: Quantize to 8 bits.
    """

    format: str = ""
    half: bool = False
    int8: bool = False

    def write(self, detector: CenterNet, folder: Path, images: list[Any]) -> Path:
        """Writes the variant; returns the file or folder to open.

        Args:
            detector: A detector with weights.
            folder: Folder of the files.
            images: Images for calibration, and to check the exported file on.
        """
        if not self.format:
            return detector.save(folder)
        path = folder / f"model{FORMATS[self.format].ending}"
        data = images[:MAX_CALIBRATION] if self.int8 else None
        return detector.export(self.format, output=path, int8=self.int8, data=data, source=images[:4])[0]


VARIANTS: Mapping[str, Variant] = {
    "weights": Variant(),
    "weights-half": Variant(half=True),
    "torch": Variant(format="torch"),
    "onnx": Variant(format="onnx"),
    "onnx-int8": Variant(format="onnx", int8=True),
    "openvino": Variant(format="openvino"),
    "openvino-half": Variant(format="openvino", half=True),
    "openvino-int8": Variant(format="openvino", int8=True),
}
"""Variants by the name that is typed. The others are compared with the first."""
