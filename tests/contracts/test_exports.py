"""What every written file promises, over all tasks and all kinds of backbones."""

import numpy as np
import pytest
import torch

from centernet.export.graph import DetectionGraph
from centernet.export.onnx import onnx_model
from centernet.export.openvino import openvino_model
from centernet.export.writing import facts_of, parity_of
from centernet.geometry.resize import Follow
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.predictor import Predictor
from centernet.protocols import Task
from centernet.runtime import OnnxFile, OpenVinoFile
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet import Triplet

FACE = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
CATEGORIES = Categories(("face", "box"), (3, 7), (FACE, None))
TASKS: dict[str, Task] = {
    "detect": Detect(num_classes=2, top_k=20, spread=1),
    "pose": Pose.of(CATEGORIES, top_k=20),
    "mono3d": Mono3D(num_classes=2, top_k=20, center3d_weight=1.0, focal_px=500.0),
    "triplet": Triplet(num_classes=2, top_k=20, num_keypoints=20, tag_distance=5.0, pool_channels=8),
    "layered": Layered(inner=Detect(num_classes=2, top_k=20), levels=3, per_cell=2),
}
# A graph of a task is the same behind every backbone: each of both once, all pairs by `benchmarks.exports`.
PAIRS = [
    *((task, "timm/resnet10t") for task in TASKS),
    ("pose", "resnet18"),
    ("triplet", "resnet18-dcn"),
    ("detect", "dla34"),
    ("mono3d", "dla34-dcn"),
    ("triplet", "hourglass52"),
]


def predictor_of(task: Task, backbone: str) -> Predictor:
    """Random weights that see something everywhere."""
    torch.manual_seed(0)
    architecture = Architecture(backbone=backbone, channels=16, head_channels=16)
    network = architecture.build(task.heads).eval()
    for name, head in network.heads[-1].items():  # type: ignore[operator, union-attr]
        head[-1].weight.data.normal_(std=0.3)
        head[-1].bias.data.fill_({"size": 4.0}.get(name, 0.0))
    for layer in network.modules():
        # Taps of deformable convolutions start where they would without moves.
        if hasattr(layer, "offset_mask"):
            layer.offset_mask.weight.data.normal_(std=0.02)
    return Predictor(
        network=network,
        task=task,
        categories=CATEGORIES,
        rule=Follow(long_side=96, multiple=network.backbone.divisor),
        normalize=Normalize(bgr=True),
        architecture=architecture,
    )


@pytest.mark.parametrize(("task", "backbone"), PAIRS)
def test_a_file_finds_what_the_network_finds(task: str, backbone: str) -> None:
    predictor = predictor_of(TASKS[task], backbone)
    graph = DetectionGraph(predictor)
    facts = facts_of(predictor, graph)
    model = onnx_model(graph, facts)

    for file in (
        OnnxFile(model.SerializeToString(), "file"),
        OpenVinoFile(openvino_model(model, facts), "graph"),
    ):
        parity = parity_of(graph, predictor, file)
        assert parity.holds, parity
        assert parity.num_detections > 10
    assert not {"NonMaxSuppression", "DeformConv"} & {node.op_type for node in model.graph.node}
    assert [value.name for value in model.graph.output] == list(graph.names)
    assert model.graph.input[0].type.tensor_type.elem_type == np.dtype("uint8").num
    assert [one.dim_param or one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        "height",
        "width",
    ]
