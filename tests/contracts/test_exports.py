"""What every written file promises, over all tasks and all kinds of backbones."""

from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from centernet.export.exporter import metadata_of, parity_of
from centernet.export.graph import DetectionGraph
from centernet.export.onnx import onnx_model
from centernet.export.openvino import openvino_model
from centernet.export.torch_export import save_program
from centernet.geometry.resize import ResizeLongestSide
from centernet.inference.backends.onnxruntime import OnnxBackend
from centernet.inference.backends.openvino import OpenVinoBackend
from centernet.inference.backends.torch_export import TorchExportBackend
from centernet.inference.predictor import TorchPredictor
from centernet.models.convolutions import DeformableConv
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.models.normalize import Normalize
from centernet.protocols import Task
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet.task import Triplet

FACE = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
CATEGORIES = Categories(("face", "box"), (3, 7), (FACE, None))
TASKS: dict[str, Task] = {
    "detect": Detect(num_classes=2, top_k=20, spread=1),
    "four sides": Detect(num_classes=2, top_k=20, spread=1, sides_weight=0.5, spread_share=0.5, quality=0.5),
    "pose": Pose.of(CATEGORIES, top_k=20),
    "mono3d": Mono3D(num_classes=2, top_k=20, center3d_weight=1.0, focal_px=500.0),
    "triplet": Triplet(num_classes=2, top_k=20, num_keypoints=40, tag_distance=100.0, pool_channels=8),
    "layered": Layered(inner=Detect(num_classes=2, top_k=20), levels=3, per_cell=2),
}
BACKBONES = ("timm/resnet10t", "slim", "resnet18", "resnet18-dcn", "dla34", "dla34-dcn", "hourglass52")
"""Each kind once, the smallest of it; `benchmarks.exports` adds the largest."""
PAIRS = [
    *product(("detect", "pose", "mono3d", "triplet"), BACKBONES),
    ("four sides", "timm/resnet10t"),
    ("layered", "timm/resnet10t"),
]


def predictor_of(task: Task, backbone: str) -> TorchPredictor:
    """Random weights that see something in noise, as if trained: features differ from place to place."""
    torch.manual_seed(0)
    normalize = Normalize(bgr=True)
    architecture = Architecture(backbone=backbone, channels=16, head_channels=16)
    network = architecture.build(task.heads)
    for layer in network.modules():
        if isinstance(layer, DeformableConv):
            # They start without moves.
            layer.offset_mask.weight.data.normal_(std=0.02)
    _look_at_noise(network, normalize)
    return TorchPredictor(
        network=network.eval(),
        task=task,
        categories=CATEGORIES,
        rule=ResizeLongestSide(long_side=96, multiple=network.backbone.divisor),
        normalize=normalize,
        architecture=architecture,
    )


def _look_at_noise(network: Network, normalize: Normalize) -> None:
    """Gives each normalising layer the statistics of noise, and each map a mean of 0 and a deviation of 1."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    heads = cast("nn.ModuleDict", network.heads[-1])
    seen: dict[nn.Module, list[Tensor]] = {head: [] for head in heads.values()}
    blocks = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    noise = normalize(blocks.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3))
    with torch.no_grad():
        network.train()(noise)
        hooks = [head.register_forward_hook(lambda head, _, map: seen[head].append(map)) for head in seen]  # noqa: A006
        network.eval()(noise)
        for hook in hooks:
            hook.remove()
        for name, head in heads.items():
            # A head may serve several levels.
            values = torch.cat([map.transpose(0, 1).flatten(1) for map in seen[head]], dim=1)  # noqa: A001
            mean, deviation = values.mean(1), values.std(1)
            last = cast("nn.Conv2d", cast("nn.Sequential", head)[-1])
            last.weight /= deviation[:, None, None, None]
            last.bias = nn.Parameter((last.bias - mean) / deviation)  # type: ignore[operator]
            last.bias += {"size": 4.0, "sides": 4.0, "heatmap": -1.0}.get(name.split("/")[0], 0.0)


def moved_maps(graph: Any) -> list[str]:
    """Maps that OpenVINO copies whole to read a few cells of them."""
    return [
        node.get_friendly_name()
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "GatherND"
        and node.input_value(0).get_node().get_type_name() == "Transpose"
    ]


@pytest.mark.parametrize("task", ["pose", "mono3d", "triplet", "layered"])
def test_a_program_finds_what_the_network_finds(task: str, tmp_path: Path) -> None:
    predictor = predictor_of(TASKS[task], "slim")
    graph = DetectionGraph(predictor)
    save_program(graph, metadata_of(predictor, graph), tmp_path / "file.pt2")
    parity = parity_of(graph, predictor, TorchExportBackend(tmp_path / "file.pt2"))

    assert parity.holds, parity
    assert parity.num_detections > 10


@pytest.mark.parametrize(("task", "backbone"), PAIRS)
def test_a_file_finds_what_the_network_finds(task: str, backbone: str) -> None:
    predictor = predictor_of(TASKS[task], backbone)
    graph = DetectionGraph(predictor)
    metadata = metadata_of(predictor, graph)
    model = onnx_model(graph, metadata)
    openvino = openvino_model(model, metadata)

    for file in (OnnxBackend(model.SerializeToString(), "file"), OpenVinoBackend(openvino, "graph")):
        parity = parity_of(graph, predictor, file)
        assert parity.holds, parity
        assert parity.num_detections > 10
    assert not {"NonMaxSuppression", "DeformConv"} & {node.op_type for node in model.graph.node}
    assert not moved_maps(openvino)
    assert [value.name for value in model.graph.output] == list(graph.names)
    assert model.graph.input[0].type.tensor_type.elem_type == np.dtype("uint8").num
    assert [one.dim_param or one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        "height",
        "width",
    ]
