"""ONNX files with the decoding inside: no NMS, no post-processing, dynamic sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from centernet.errors import UsageError
from centernet.export.graph import DetectionGraph
from centernet.export.quantize import quantized
from centernet.export.quiet import quiet
from centernet.export.simplify import simplify
from centernet.inference.backends.base import ModelMetadata

OPSET = 20
"""The first with `GridSample` for maps of any size, which deformable convolutions need."""


def write_onnx(
    graph: DetectionGraph,
    metadata: ModelMetadata,
    path: Path,
    calibration: Sequence[UInt8[np.ndarray, "1 3 h w"]],
) -> None:
    """Writes an ONNX file: see `exporter.Writer`."""
    model = onnx_model(graph, metadata)
    if metadata.precision == "int8":
        model = quantized(model, calibration)
        add_metadata(model, metadata)
    path.write_bytes(model.SerializeToString())


def onnx_model(graph: DetectionGraph, metadata: ModelMetadata) -> Any:
    """The model, an `onnx.ModelProto`.

    The model takes `images` `(batch 3 height width)`, uint8 RGB, and gives the task's outputs by name, input
    pixels.

    Raises:
        UsageError: A package that exporting needs is not installed.
    """
    import torch

    try:
        # The exporter needs them, and its own error is less clear.
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError('export needs onnx and onnxscript: pip install "centernet[export]"') from error
    with quiet():
        program = torch.onnx.export(
            graph.traced(),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(graph.outputs),
            external_data=False,
            verbose=False,
            optimize=False,
        )
        assert program is not None
        simplify(program.model)
    model = program.model_proto
    for number, name in enumerate(("batch", "", "height", "width")):
        if name:
            model.graph.input[0].type.tensor_type.shape.dim[number].dim_param = name
    add_metadata(model, metadata)
    return model


def add_metadata(model: Any, metadata: ModelMetadata) -> None:
    """Replaces the metadata of a model."""
    import onnx

    del model.metadata_props[:]
    for key, value in metadata.entries.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))
