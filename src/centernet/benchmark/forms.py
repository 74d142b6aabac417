"""The forms in which one detector can be run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from centernet.detector import CenterNet

CALIBRATION = 64
"""Images that 8-bit forms are measured on."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One of them.

    Attributes:
        format: As for `export`; empty for the weights themselves.
        export: Settings of `export`.
        half: Compute in 16 bits.
    """

    format: str = ""
    export: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False

    def write(self, detector: CenterNet, folder: Path, images: list[Any]) -> Path:
        """Writes the detector in this form; gives the file or folder to open.

        Args:
            detector: From weights.
            folder: To write into.
            images: As it will see them, where the form is measured on images.
        """
        if not self.format:
            return detector.save(folder / "weights", half=False)
        measured_on = {"data": images[:CALIBRATION]} if self.export.get("int8") else {}
        endings = {"onnx": "model.onnx", "openvino": "model_openvino", "torch": "model.pt2"}
        path, _ = detector.export(
            self.format, output=folder / endings[self.format], **self.export, **measured_on
        )
        return path


FORMS: Mapping[str, Form] = {
    "weights": Form(),
    "weights-half": Form(half=True),
    "torch": Form(format="torch"),
    "onnx": Form(format="onnx"),
    "onnx-int8": Form(format="onnx", export={"int8": True}),
    "openvino": Form(format="openvino"),
    "openvino-half": Form(format="openvino", half=True),
    "openvino-int8": Form(format="openvino", export={"int8": True}),
}
"""By what is typed. The first is what the others are compared with."""
