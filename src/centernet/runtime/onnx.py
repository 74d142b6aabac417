"""An ONNX file that `export` wrote: pixels in, named outputs out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from centernet.errors import InputError, UsageError


class OnnxFile:
    """A written detector.

    Args:
        content: The file, or its path.
        name: What to call it in messages.
        threads: Threads of the runtime.

    Attributes:
        config: What a weights folder's `config.json` says.
        divisor: Sides of inputs are multiples of this.
        stride: Input pixels from one cell of the finest map to the next.

    Raises:
        UsageError: onnxruntime is not installed.
        InputError: It is no whole ONNX file, or none of ours.
    """

    def __init__(self, content: bytes | Path, name: str = "", threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UsageError('an .onnx file needs onnxruntime: pip install "centernet[export]"') from error
        self.name = name or str(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                content if isinstance(content, bytes) else str(content),
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{self.name} is no whole ONNX file ({reason}): copy or export it again"
            ) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if "centernet" not in metadata:
            raise InputError(
                f"{self.name} was not written by `centernet export`: its metadata lack 'centernet'"
            )
        self.config: Mapping[str, Any] = json.loads(metadata["centernet"])
        self.divisor: int = json.loads(metadata["divisor"])
        self.stride: int = json.loads(metadata["stride"])
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, images: UInt8[np.ndarray, "b 3 h w"]) -> dict[str, Float[np.ndarray, "b k *_"]]:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.

        Raises:
            UsageError: A side that the network cannot take.
        """
        height, width = images.shape[2:]
        if height % self.divisor or width % self.divisor:
            raise UsageError(
                f"{self.name} takes inputs whose sides are multiples of {self.divisor}; got {height}×{width}"
            )
        values = self._session.run(self._names, {"images": images})
        return dict(zip(self._names, values, strict=True))
