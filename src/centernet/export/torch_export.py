"""Programs of torch: the graph as `torch.export` traces it."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.errors import UsageError
from centernet.export.graph import DetectionGraph
from centernet.export.quiet import quiet
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.torch_export import METADATA_KEY


def write_program(
    graph: DetectionGraph,
    metadata: ModelMetadata,
    path: Path,
    calibration: Sequence[UInt8[np.ndarray, "1 3 h w"]] = (),
) -> None:
    """Writes a `.pt2` program: see `exporter.Writer`.

    Raises:
        UsageError: `int8`.
    """
    del calibration
    if metadata.precision == "int8":
        raise UsageError("int8=true writes onnx and openvino, a program of torch stays in floating point")
    content = BytesIO()
    with quiet():
        torch.export.save(graph.traced(), content, extra_files={METADATA_KEY: json.dumps(metadata.entries)})
    # Not by `torch.export.save`, whose error for a full disk is no `OSError`.
    path.write_bytes(content.getbuffer())
