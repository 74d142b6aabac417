"""One file out, the same answers from it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from centernet import CenterNet
from centernet.errors import InputError, UsageError
from centernet.export import export_onnx
from centernet.export.parity import compare
from centernet.geometry.resize import Fit, Follow
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.ops.peaks import find_peaks
from centernet.predictor import Predictor, sample_of
from centernet.protocols import Task
from centernet.runtime import FilePredictor
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.triplet import Triplet
from centernet.weights import save

FACE = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
CATEGORIES = Categories(("face", "box"), (3, 7), (FACE, None))
TASKS: dict[str, Task] = {
    "detect": Detect(num_classes=2, top_k=20, spread=1),
    "four sides": Detect(num_classes=2, top_k=20, spread=1, sides_weight=0.5, spread_share=0.5, quality=0.5),
    "pose": Pose.of(CATEGORIES, top_k=20),
    "mono3d": Mono3D(num_classes=2, top_k=20, center3d_weight=1.0, focal_px=500.0),
    "layered": Layered(inner=Detect(num_classes=2, top_k=20), levels=3, per_cell=2),
}
EXAMPLE = Path(__file__).parent.parent / "examples" / "onnx_without_torch.py"


def make(task: Task, backbone: str = "timm/resnet10t") -> Predictor:
    """Random weights that see something everywhere."""
    torch.manual_seed(0)
    architecture = Architecture(backbone=backbone, channels=16, head_channels=16)
    network = architecture.build(task.heads).eval()
    for name, head in network.heads[-1].items():  # type: ignore[operator, union-attr]
        head[-1].weight.data.normal_(std=0.3)
        head[-1].bias.data.fill_({"size": 4.0, "sides": 2.0}.get(name, 0.0))
    return Predictor(
        network=network,
        task=task,
        categories=CATEGORIES,
        rule=Follow(long_side=96),
        normalize=Normalize(bgr=True),
        architecture=architecture,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Path:
    """Weights of a detector; beside them its file."""
    predictor = make(TASKS["detect"])
    save(predictor, folder / "weights")
    export_onnx(predictor, folder / "detect.onnx")
    return folder / "detect.onnx"


@pytest.mark.parametrize(
    ("task", "backbone"),
    [
        ("pose", "timm/resnet10t"),
        ("mono3d", "timm/resnet10t"),
        ("detect", "resnet18-dcn"),
        ("four sides", "timm/resnet10t"),
        ("layered", "timm/resnet10t"),
    ],
)
def test_a_file_finds_what_the_network_finds(folder: Path, task: str, backbone: str) -> None:
    path = folder / f"{task}-{backbone.replace('/', '-')}.onnx"
    parity = export_onnx(make(TASKS[task], backbone), path)

    assert parity.holds
    assert parity.num_detections > 10
    assert json.loads(path.with_suffix(".parity.json").read_text())["equal_share"] == 1


def furthest(boxes: np.ndarray, others: np.ndarray) -> float:
    """How far the box is that has none near it among the others; equal scores come in any order."""
    return float(np.abs(boxes[:, None] - others[None]).max(axis=2).min(axis=1).max())


def test_a_file_is_a_model(detector: Path, folder: Path) -> None:
    images = [np.random.default_rng(i).integers(0, 255, (60, 90, 3), dtype=np.uint8) for i in range(3)]
    weights, file = CenterNet(folder / "weights", "cpu"), CenterNet(detector, "cpu")

    assert file.categories == CATEGORIES
    for one, other in zip(
        weights.predict(images, conf=0.05, max_det=20), file.predict(images, conf=0.05, batch=2), strict=True
    ):
        assert len(one) > 0
        assert furthest(one.boxes, other.boxes) < 1e-3
        assert other.scores == pytest.approx(one.scores, abs=1e-5)
    assert max(len(found) for found in file.predict(images, conf=0.0, max_det=5)) == 5


def test_what_is_written_into_a_file_cannot_be_changed(detector: Path) -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    file = CenterNet(detector, "cpu")

    for way in ({"flip": True}, {"half": True}):
        with pytest.raises(UsageError, match="needs the weights"):
            next(file.predict(image, **way))
    with pytest.raises(UsageError, match="class_agnostic is decided when a file is written"):
        next(file.predict(image, class_agnostic=True))
    for needs_weights in (lambda: file.save("somewhere"), lambda: file.train("somewhere")):
        with pytest.raises(UsageError, match="for this the weights are needed"):
            needs_weights()


def test_inputs_of_other_sides_are_refused(detector: Path) -> None:
    file = FilePredictor.of(detector)

    with pytest.raises(UsageError, match="multiples of 32; got 40×64"):
        file.file.run(np.zeros((1, 3, 40, 64), np.uint8))
    odd = replace(file, rule=Fit(height=40, width=64))
    with pytest.raises(UsageError, match="multiples of 32"):
        odd.detect([sample_of(np.zeros((40, 64, 3), np.uint8), "image")])


def test_files_that_are_not_ours_are_named(detector: Path, tmp_path: Path) -> None:
    import onnx

    (tmp_path / "half.onnx").write_bytes(detector.read_bytes()[:5000])
    model = onnx.load(detector)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")

    with pytest.raises(InputError, match=r"half\.onnx is no whole ONNX file"):
        CenterNet(tmp_path / "half.onnx", "cpu")
    with pytest.raises(InputError, match=r"foreign\.onnx was not written by `centernet export`"):
        CenterNet(tmp_path / "foreign.onnx", "cpu")
    with pytest.raises(InputError, match=r"none\.onnx is no whole ONNX file"):
        CenterNet(tmp_path / "none.onnx", "cpu")


def test_a_file_runs_where_no_torch_is(detector: Path, folder: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    program = (
        "import runpy, sys; sys.modules['torch'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(EXAMPLE), str(detector), str(tmp_path / "image.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    (found,) = CenterNet(folder / "weights", "cpu").predict(image, conf=0.3, max_det=20)

    rows = [line.split() for line in answer.stdout.splitlines()]
    assert len(rows) == len(found) > 0
    theirs = np.array([[float(side) for side in row[-4:]] for row in rows])
    assert furthest(found.boxes, np.clip(theirs, 0, [96, 64, 96, 64])) < 2e-3


def test_another_answer_is_no_parity() -> None:
    network = {
        "boxes": np.array([[[0.0, 0, 9, 9], [5, 5, 20, 20]]]),
        "scores": np.array([[0.9, 0.5]]),
        "labels": np.array([[0, 1]]),
    }
    swapped = {name: values[:, ::-1] for name, values in network.items()}
    moved = {**network, "boxes": network["boxes"] + np.array([[[0, 0, 0, 0.5]]])}
    relabelled = {**network, "labels": np.array([[1, 1]])}

    assert compare(network, network).holds
    assert compare(network, {**swapped, "scores": network["scores"]}).equal_share < 1
    assert not compare(network, moved).holds
    assert compare(network, moved).differences["boxes"] == 0.5
    assert not compare(network, relabelled).holds


def test_a_graph_finds_the_same_peaks() -> None:
    class Peaks(torch.nn.Module):
        def forward(self, heatmap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            peaks = find_peaks(heatmap, 12)
            return peaks.values, peaks.labels, peaks.cells

    heatmap = torch.randn(2, 5, 9, 14)
    program = torch.export.export(Peaks(), (heatmap,))

    for ours, theirs in zip(Peaks()(heatmap), program.module()(heatmap), strict=True):
        assert (ours == theirs).all()


def test_boxes_of_corners_are_not_written(tmp_path: Path) -> None:
    triplet = make(Triplet(num_classes=2, num_keypoints=10, pool_channels=16))

    with pytest.raises(UsageError, match="decided by soft-NMS after the graph"):
        export_onnx(triplet, tmp_path / "corners.onnx")
    assert not (tmp_path / "corners.onnx").exists()


def test_what_cannot_be_written_is_named(folder: Path) -> None:
    weights = CenterNet(folder / "weights", "cpu")

    with pytest.raises(UsageError, match="format is onnx; got 'tflite'"):
        weights.export("tflite")
    with pytest.raises(UsageError, match=r"ends in \.onnx; got a\.txt"):
        weights.export(output="a.txt")
