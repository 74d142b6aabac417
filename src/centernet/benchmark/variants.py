"""The forms in which one detector can be run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centernet.detector import CenterNet
from centernet.inference.backends.formats import FORMATS

CALIBRATION = 64
"""Images that 8-bit forms are measured on."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of them.

    Attributes:
        format: As for `export`; empty for the weights themselves.
        half: Compute in 16 bits.
        int8: Written with 8 bits a number.
    """

    format: str = ""
    half: bool = False
    int8: bool = False

    def write(self, detector: CenterNet, folder: Path, images: list[Any]) -> Path:
        """Writes the detector in this form; gives the file or folder to open.

        Args:
            detector: From weights.
            folder: To write into.
            images: As it will see them, where the form is measured on images.
        """
        if not self.format:
            return detector.save(folder)
        path = folder / f"model{FORMATS[self.format].ending}"
        data = images[:CALIBRATION] if self.int8 else None
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
"""By what is typed. The first is what the others are compared with."""
