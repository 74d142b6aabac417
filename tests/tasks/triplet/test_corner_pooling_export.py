"""A network with corner pooling as an ONNX file."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from centernet.models.factory import Architecture
from centernet.tasks.triplet.task import Triplet


class LastMaps(nn.Module):
    """The maps of the last stack, in the order of their names."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.network(images)[-1].values())


def test_an_exported_network_gives_the_same_maps_for_inputs_of_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    task = Triplet(num_classes=2, pool_channels=8)
    network = Architecture(backbone="slim", channels=16, head_channels=8).build(task.heads).eval()
    # Heads start so small that nothing would differ.
    for name, parameter in network.named_parameters():
        if name.startswith("heads") and name.endswith("weight"):
            nn.init.normal_(parameter, std=0.3)
    height, width = (32 * torch.export.Dim(side, min=1, max=64) for side in ("h", "w"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            LastMaps(network),
            (torch.randn(1, 3, 64, 96),),
            dynamo=True,
            opset_version=20,
            dynamic_shapes=({2: height, 3: width},),
            verbose=False,
        )
    assert program is not None
    program.save(tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])

    for shape in ((1, 3, 64, 96), (1, 3, 160, 32)):
        images = torch.randn(shape)
        maps = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        with torch.inference_mode():
            expected = network(images)[-1]
        for name, found in zip(task.heads, maps, strict=True):
            assert expected[name].std() > 1e-3, name
            assert (torch.from_numpy(found) - expected[name]).abs().max() < 1e-4, name
