"""Detectors with random weights for tests of exports, over all tasks and all kinds of backbones."""

from typing import cast

import torch
from torch import Tensor, nn

from centernet.geometry.resize import ResizeLongestSide
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
    "distributions": Detect(
        num_classes=2, top_k=20, spread=1, sides_weight=0.5, box_bins=17, box_scale=4.0, temperature=1.7
    ),
    "distributions, classes": Detect(
        num_classes=2,
        top_k=20,
        spread=1,
        sides_weight=0.5,
        box_bins=17,
        box_scale=4.0,
        class_weight=1.0,
        temperature=0.7,
        score_bias=-0.4,
    ),
    "pose": Pose.of(CATEGORIES, top_k=20),
    "pose, distributions": Pose.of(
        CATEGORIES,
        top_k=20,
        sides_weight=0.5,
        box_bins=17,
        box_scale=4.0,
        temperature=0.6,
        score_bias=0.3,
        snap_sigma=0.2,
    ),
    "mono3d": Mono3D(num_classes=2, top_k=20, center3d_weight=1.0, focal_px=500.0),
    "triplet": Triplet(num_classes=2, top_k=20, num_keypoints=40, tag_distance=100.0, pool_channels=8),
    "layered": Layered(inner=Detect(num_classes=2, top_k=20), levels=3, per_cell=2),
    "layered, distributions": Layered(
        inner=Detect(num_classes=2, top_k=20, sides_weight=0.5, box_bins=17, box_scale=4.0, class_weight=1.0),
        levels=2,
        per_cell=2,
    ),
}
BACKBONES = ("timm/resnet10t", "slim", "resnet18", "resnet18-dcn", "dla34", "dla34-dcn", "hourglass52")
"""Each kind once, the smallest of it; `benchmarks.exports` adds the largest."""


def predictor_of(task: Task, backbone: str) -> TorchPredictor:
    """A predictor with random weights that finds objects in noise, where its features vary."""
    torch.manual_seed(0)
    normalize = Normalize(bgr=True)
    architecture = Architecture(backbone=backbone, channels=16, head_channels=16)
    network = architecture.build(task.heads)
    for layer in network.modules():
        if isinstance(layer, DeformableConv):
            # Their offsets start at zero.
            layer.offset_mask.weight.data.normal_(std=0.02)
    _adapt_to_noise(network, normalize)
    return TorchPredictor(
        network=network.eval(),
        task=task,
        categories=CATEGORIES,
        rule=ResizeLongestSide(long_side=96, multiple=network.backbone.divisor),
        normalize=normalize,
        architecture=architecture,
    )


def _adapt_to_noise(network: Network, normalize: Normalize) -> None:
    """Gives each normalising layer the statistics of noise, and each map a mean of 0 and a deviation of 1."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    heads = cast("nn.ModuleDict", network.heads[-1])
    found: dict[nn.Module, list[Tensor]] = {head: [] for head in heads.values()}
    blocks = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    noise = normalize(blocks.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3))
    with torch.no_grad():
        network.train()(noise)
        hooks = [head.register_forward_hook(lambda head, _, map: found[head].append(map)) for head in found]  # noqa: A006
        network.eval()(noise)
        for hook in hooks:
            hook.remove()
        for name, head in heads.items():
            # A head may serve several levels.
            values = torch.cat([map.transpose(0, 1).flatten(1) for map in found[head]], dim=1)  # noqa: A001
            mean, deviation = values.mean(1), values.std(1)
            last = cast("nn.Conv2d", cast("nn.Sequential", head)[-1])
            last.weight /= deviation[:, None, None, None]
            last.bias = nn.Parameter((last.bias - mean) / deviation)  # type: ignore[operator]
            last.bias += {"size": 4.0, "sides": 4.0, "heatmap": -1.0}.get(name.split("/")[0], 0.0)
