"""A program of torch: what `torch.export` makes of the graph."""

import json
from io import BytesIO
from pathlib import Path

import torch

from centernet.export.graph import DetectionGraph
from centernet.export.onnx import quiet
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.torch_export import METADATA_KEY


def save_program(graph: DetectionGraph, metadata: ModelMetadata, path: Path) -> None:
    """Writes the file."""
    whole = BytesIO()
    with quiet():
        torch.export.save(graph.traced(), whole, extra_files={METADATA_KEY: json.dumps(metadata.entries)})
    # What cannot be written is an `OSError` so.
    path.write_bytes(whole.getbuffer())
