"""The contract of exported files, over all tasks and all families of backbones."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.exportable import BACKBONES, TASKS, predictor_of

from centernet.export.exporter import metadata_of, parity_of
from centernet.export.graph import DetectionGraph
from centernet.export.onnx import onnx_model
from centernet.export.openvino import openvino_model
from centernet.export.torch_export import write_program
from centernet.inference.backends.onnxruntime import OnnxBackend
from centernet.inference.backends.openvino import OpenVinoBackend
from centernet.inference.backends.torch_export import TorchExportBackend

PAIRS = [
    *product(TASKS, ("slim",)),
    *product(("detect",), [backbone for backbone in BACKBONES if backbone != "slim"]),
    # Maps that are read at cells only, from a deformable network.
    ("mono3d", "resnet18-dcn"),
]
"""Every task with the cheapest backbone, every backbone with the cheapest task: maps by name join them.

`benchmarks.exports` runs all pairs.
"""
PROGRAMS = ("pose", "mono3d", "triplet", "layered")
"""Tasks that are written as a program of `torch.export` too."""


def moved_maps(graph: Any) -> list[str]:
    """Maps that OpenVINO copies to read a few cells of them."""
    return [
        node.get_friendly_name()
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "GatherND"
        and node.input_value(0).get_node().get_type_name() == "Transpose"
    ]


@pytest.mark.parametrize(("task", "backbone"), PAIRS)
def test_a_file_gives_the_detections_of_the_network(task: str, backbone: str, tmp_path: Path) -> None:
    predictor = predictor_of(TASKS[task], backbone)
    graph = DetectionGraph(predictor)
    # Tracing takes most of the time, and is the same for all formats.
    program = graph.traced()
    graph.traced = lambda: program  # type: ignore[method-assign]
    metadata = metadata_of(predictor, graph)
    model = onnx_model(graph, metadata)
    openvino = openvino_model(model, metadata)
    files = [OnnxBackend(model.SerializeToString(), "file"), OpenVinoBackend(openvino, "graph")]
    if backbone == "slim" and task in PROGRAMS:
        write_program(graph, metadata, tmp_path / "file.pt2")
        files.append(TorchExportBackend(tmp_path / "file.pt2"))

    for file in files:
        parity = parity_of(graph, predictor, file)
        assert parity.holds, (file.name, parity)
        assert parity.num_detections > 10
    assert not {"NonMaxSuppression", "DeformConv"} & {node.op_type for node in model.graph.node}
    assert not moved_maps(openvino)
    assert [value.name for value in model.graph.output] == list(graph.outputs)
    assert model.graph.input[0].type.tensor_type.elem_type == np.dtype("uint8").num
    assert [one.dim_param or one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        "height",
        "width",
    ]
