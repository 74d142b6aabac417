"""ONNX files, run by ONNX Runtime."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from centernet.errors import InputError, UsageError
from centernet.hardware import default_threads, max_concurrent_jobs
from centernet.inference.backends.base import Arrays, ModelMetadata, refuse_half
from centernet.inference.backends.telemetry import without_telemetry

EXECUTION_PROVIDERS = ("CPUExecutionProvider",)
"""Execution providers of ONNX Runtime in order of preference: see `onnxruntime.get_available_providers()`."""


class OnnxBackend:
    """An `InferenceBackend` for ONNX files.

    Args:
        content: The file, or its path.
        name: Name of the file in messages.
        threads: Threads of the runtime, 0 for its own choice; `None`: see `default_threads`.

    Raises:
        UsageError: onnxruntime is not installed.
        InputError: The file is damaged, or was not written by `centernet export`.
    """

    def __init__(self, content: bytes | Path, name: str = "", threads: int | None = None) -> None:
        try:
            with without_telemetry():
                import onnxruntime
        except ImportError as error:
            raise UsageError('an .onnx file needs onnxruntime: pip install "centernet[runtime]"') from error
        self.name = name or str(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = default_threads() if threads is None else threads
        self.max_concurrency = max_concurrent_jobs(options.intra_op_num_threads)
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                content if isinstance(content, bytes) else str(content),
                options,
                providers=list(EXECUTION_PROVIDERS),
            )
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{self.name} is not a complete ONNX file ({reason}): copy or export it again"
            ) from error
        self.metadata = ModelMetadata.read(self._session.get_modelmeta().custom_metadata_map, self.name)

    def run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool = False) -> Arrays:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.
            half: Not available.

        Raises:
            UsageError: A side that the network cannot take, or `half`.
        """
        refuse_half(half, self.name)
        self.metadata.check(images, self.name)
        values = self._session.run(list(self.metadata.outputs), {"images": images})
        return dict(zip(self.metadata.outputs, values, strict=True))
