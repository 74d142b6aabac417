"""A program of torch: what `torch.export` makes of the graph."""

import json
from pathlib import Path

import torch

from centernet.export.graph import DetectionGraph
from centernet.export.onnx import quiet
from centernet.runtime import Facts
from centernet.runtime.program import FACTS


def save_program(graph: DetectionGraph, facts: Facts, path: Path) -> None:
    """Writes the file."""
    with quiet():
        torch.export.save(graph.traced(), path, extra_files={FACTS: json.dumps(facts.entries)})
