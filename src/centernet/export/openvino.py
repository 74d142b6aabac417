"""OpenVINO folders: the ONNX graph, read and written by OpenVINO."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from centernet.errors import UsageError
from centernet.export.graph import DetectionGraph
from centernet.export.onnx import onnx_model
from centernet.export.openvino_gather import gather_channels_last
from centernet.export.quantize import quantized
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.openvino import GRAPH, METADATA_KEY
from centernet.inference.backends.telemetry import without_telemetry


def write_openvino(
    graph: DetectionGraph,
    metadata: ModelMetadata,
    path: Path,
    calibration: Sequence[UInt8[np.ndarray, "1 3 h w"]],
) -> None:
    """Writes an OpenVINO folder: see `exporter.Writer`."""
    model = openvino_model(onnx_model(graph, metadata), metadata)
    save_openvino(quantized(model, calibration) if metadata.precision == "int8" else model, path)


def openvino_model(onnx: Any, metadata: ModelMetadata) -> Any:
    """The OpenVINO graph of an ONNX model, an `openvino.Model`.

    Raises:
        UsageError: openvino is not installed.
    """
    try:
        with without_telemetry():
            import openvino
    except ImportError as error:
        raise UsageError('format=openvino needs openvino: pip install "centernet[openvino]"') from error
    model = openvino.Core().read_model(onnx.SerializeToString())
    gather_channels_last(model)
    model.set_rt_info(json.dumps(metadata.entries), [METADATA_KEY])
    return model


def save_openvino(model: Any, folder: Path) -> None:
    """Writes the graph and its weights without a change of precision.

    Raises:
        OSError: They cannot be written.
    """
    import openvino

    folder.mkdir(parents=True, exist_ok=True)
    try:
        openvino.save_model(model, folder / GRAPH, compress_to_fp16=False)
    except RuntimeError as error:
        raise OSError(None, str(error).splitlines()[-1]) from error
