"""Exported files: the same detections as the weights, and clear errors."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from openvino import Core, Model, opset13
from PIL import Image
from tests.helpers.exportable import TASKS, predictor_of

from centernet import CenterNet
from centernet.errors import InputError, UsageError
from centernet.export import TOLERANCES, export
from centernet.export.exporter import WRITERS, metadata_of, parity_of
from centernet.export.graph import DetectionGraph
from centernet.export.openvino import save_openvino
from centernet.export.parity import compare
from centernet.export.torch_export import write_program
from centernet.geometry.resize import (
    FitWidth,
    Letterbox,
    PadBelowMultiple,
    PadToMultiple,
    ResizeLongestSide,
    ResizeRule,
)
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.formats import FORMATS, Format
from centernet.inference.exported import ExportedPredictor
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.ops.cells import cell_corners, read
from centernet.ops.peaks import find_peaks
from centernet.protocols import (
    BOX_OUTPUTS,
    HeadSpec,
    Maps,
    Outputs,
    OutputSpec,
    Targets,
    Task,
    with_fields,
)
from centernet.structures import Categories
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.structures.sample import sample_of
from centernet.structures.thresholds import Thresholds
from centernet.tasks.detect import Detect
from centernet.weights.config import config_of
from centernet.weights.files import save

CATEGORIES = Categories(("face", "box"), (3, 7))
EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_without_torch.py"
WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "timm", "lightning"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
"""
"""Start of programs in which torch cannot be imported."""


def make(task: Task, backbone: str = "slim") -> TorchPredictor:
    """Random weights with detections everywhere."""
    torch.manual_seed(0)
    architecture = Architecture(backbone=backbone, channels=16, head_channels=16)
    network = architecture.build(task.heads).eval()
    for name, head in network.heads[-1].items():  # type: ignore[operator, union-attr]
        head[-1].weight.data.normal_(std=0.3)
        head[-1].bias.data.fill_({"size": 4.0, "sides": 2.0}.get(name, 0.0))
    return TorchPredictor(
        network=network,
        task=task,
        categories=CATEGORIES,
        rule=ResizeLongestSide(long_side=96),
        normalize=Normalize(bgr=True),
        architecture=architecture,
    )


def blood(seed: int) -> np.ndarray:
    """Discs which the weights `blood-cells` detect as cells."""
    rng = np.random.default_rng(seed)
    image = np.full((240, 320, 3), (225, 215, 215), np.uint8)
    for x, y, radius in rng.integers((20, 20, 22), (300, 220, 28), (12, 3)):
        cv2.circle(image, (int(x), int(y)), int(radius), (205, 150, 150), -1)
        cv2.circle(image, (int(x), int(y)), 8, (215, 180, 180), -1)
    return cv2.GaussianBlur(image, (7, 7), 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a detector."""
    path = tmp_path_factory.mktemp("files")
    # Where images are resampled, boxes of this one differ less than those of `slim` with random weights.
    save(make(Detect(num_classes=2, top_k=20, spread=1), "timm/resnet10t"), path / "weights")
    return path


@pytest.fixture(scope="module")
def detector(folder: Path) -> Path:
    """The detector as an ONNX file."""
    export(CenterNet(folder / "weights", "cpu").predictor, folder / "detect.onnx")
    return folder / "detect.onnx"


@pytest.fixture(scope="module")
def openvino(folder: Path) -> Path:
    """The same detector as an OpenVINO folder."""
    return CenterNet(folder / "weights", "cpu").export("openvino", output=folder / "graph")[0]


@pytest.fixture(scope="module")
def program(folder: Path) -> Path:
    """The same detector as a program of torch."""
    return CenterNet(folder / "weights", "cpu").export("torch", output=folder / "detect.pt2")[0]


def furthest(boxes: np.ndarray, others: np.ndarray) -> float:
    """Maximum distance of a box to the nearest of the others; equal scores come in any order."""
    return float(np.abs(boxes[:, None] - others[None]).max(axis=2).min(axis=1).max())


@pytest.mark.parametrize("kind", ["detector", "openvino", "program"])
def test_an_exported_file_is_a_model(kind: str, folder: Path, request: pytest.FixtureRequest) -> None:
    images = [np.random.default_rng(i).integers(0, 255, (60, 90, 3), dtype=np.uint8) for i in range(3)]
    path = request.getfixturevalue(kind)
    weights, file = CenterNet(folder / "weights", "cpu"), CenterNet(path, trust=True)

    report = path / "parity.json" if path.is_dir() else path.with_name(f"{path.name}.parity.json")
    assert json.loads(report.read_text())["equal_share"] == 1
    assert file.categories == CATEGORIES
    for one, other in zip(
        weights.predict(images, conf=0.05, max_det=20), file.predict(images, conf=0.05, batch=2), strict=True
    ):
        assert len(one) > 0
        assert furthest(one.boxes, other.boxes) < 1e-3
        assert other.scores == pytest.approx(one.scores, abs=1e-5)
    assert max(len(found) for found in file.predict(images, conf=0.0, max_det=5)) == 5
    (several,) = file.predict(images[0], conf=0.05, scales=(0.7, 1.0), max_det=20)
    (theirs,) = weights.predict(images[0], conf=0.05, scales=(0.7, 1.0), max_det=20)
    assert several.scores == pytest.approx(theirs.scores, abs=1e-5)


def test_val_of_a_file_equals_val_of_the_weights(detector: Path, folder: Path) -> None:
    data = folder / "data"
    for name in ("images", "labels"):
        (data / name / "val").mkdir(parents=True)
    for i in range(2):
        Image.fromarray(blood(i)).save(data / "images" / "val" / f"{i}.png")
        (data / "labels" / "val" / f"{i}.txt").write_text("0 0.5 0.5 0.4 0.4\n1 0.2 0.2 0.3 0.3\n")
    (data / "data.yaml").write_text("train: images/val\nval: images/val\nnames: [face, box]\n")
    weights, file = CenterNet(folder / "weights", "cpu"), CenterNet(detector)

    assert file.val(data).metrics == pytest.approx(weights.val(data).metrics, abs=1e-6, nan_ok=True)


def test_a_file_runs_on_tiles_and_prefetches_as_weights_do(detector: Path, folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (130, 200, 3), dtype=np.uint8)
    options = {"conf": 0.05, "slice": 96, "batch": 2, "workers": 2}
    weights, file = CenterNet(folder / "weights", "cpu"), CenterNet(detector, "cpu")
    (one,), (other,) = (model.predict(image, max_det=20, **options) for model in (weights, file))
    (many,) = file.predict(image, max_det=60, **options)

    assert len(one) == len(other) == 20
    assert furthest(one.boxes, other.boxes) < 1e-3
    # More than the file gives for each tile.
    assert len(many) > 20


def test_settings_fixed_at_export_cannot_be_changed(detector: Path, program: Path) -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)

    for file in (CenterNet(detector), CenterNet(program, trust=True)):
        with pytest.raises(UsageError, match="flip needs the weights"):
            next(file.predict(image, flip=True))
        with pytest.raises(UsageError, match="export it with half=true"):
            next(file.predict(image, half=True))
        with pytest.raises(UsageError, match="class_agnostic is fixed at export"):
            next(file.predict(image, class_agnostic=True))
        for needs_weights in (lambda file=file: file.save("x"), lambda file=file: file.train("x")):
            with pytest.raises(UsageError, match="this needs the weights it was exported from"):
                needs_weights()
        for call in (
            lambda file=file: file.predict(image, max_det=21),
            lambda file=file: file.val("data", max_det=21),
        ):
            with pytest.raises(UsageError, match="gives at most 20 detections of an image; got max_det=21"):
                call()
    with pytest.raises(UsageError, match="runs on the processor: leave device=cuda out"):
        CenterNet(detector, "cuda")


def test_the_case_of_an_ending_does_not_matter(detector: Path, tmp_path: Path) -> None:
    (tmp_path / "CELLS.ONNX").write_bytes(detector.read_bytes())

    assert CenterNet(tmp_path / "CELLS.ONNX").categories == CATEGORIES


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"imgsz": 640}, "unknown argument 'imgsz' of export: exported files take any number of images"),
        ({"dynamic": True}, "unknown argument 'dynamic' of export: exported files take any number"),
        ({"simplify": True}, "exported graphs are simplified already"),
        ({"format": "torchscript"}, "no format 'torchscript': format=torch writes a program"),
        ({"format": "engine"}, "no format 'engine': format=onnx is what TensorRT"),
        ({"format": "ONNX"}, "no format 'ONNX': write format=onnx"),
        ({"format": "ncnn"}, "no format 'ncnn': format is one of onnx, openvino, torch"),
        ({"outptu": "x"}, "unknown argument 'outptu' of export: did you mean output?"),
    ],
)
def test_arguments_of_other_programs_get_a_hint(folder: Path, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CenterNet(folder / "weights", "cpu").export(**setting)


def test_unknown_arguments_of_predict_get_a_hint(detector: Path) -> None:
    model, image = CenterNet(detector), np.zeros((64, 64, 3), np.uint8)

    with pytest.raises(UsageError, match=r"unknown argument 'stream' of predict: .* write a loop over it"):
        model.predict(image, stream=True)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="unknown argument 'confidence' of predict: it takes source, conf"):
        model(image, confidence=0.5)  # type: ignore[call-arg]
    # In tests types are checked first.
    program = (
        "import sys; from centernet import CenterNet; from centernet.errors import UsageError\n"
        "try: CenterNet(sys.argv[1]).predict([], imgsz=(64, 64))\n"
        "except UsageError as error: print(error)"
    )
    assert _run(program, str(detector)) == (
        "imgsz is one whole number, the longer side of the input; got (64, 64)\n"
    )


def test_openvino_computes_in_32_bits_unless_half_is_set(
    openvino: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    compile_model = Core.compile_model

    def listen(core: Core, graph: Any, device: str, settings: dict[str, Any]) -> Any:
        asked.append(settings.get("INFERENCE_PRECISION_HINT"))
        return compile_model(core, graph, device, settings)

    monkeypatch.setattr(Core, "compile_model", listen)
    file = ExportedPredictor.of(openvino).file
    images = np.zeros((1, 3, 64, 64), np.uint8)

    assert file.run(images, half=True)["boxes"].shape == file.run(images)["boxes"].shape
    # Without a hint it takes the precision that the CPU is fastest in.
    assert asked == ["f32", None]


@pytest.mark.parametrize("kind", ["detector", "openvino", "program"])
def test_concurrent_threads_find_the_same_as_one(kind: str, request: pytest.FixtureRequest) -> None:
    model = CenterNet(request.getfixturevalue(kind), "cpu", trust=True)
    images = [blood(number) for number in range(12)]
    one, several = (list(model.predict(images, batch=2, workers=workers, conf=0.1)) for workers in (0, 4))

    assert sum(map(len, one)) > 12
    for ours, theirs in zip(one, several, strict=True):
        assert (ours.boxes == theirs.boxes).all()
        assert (ours.scores == theirs.scores).all()


@pytest.mark.parametrize("kind", ["detector", "openvino", "program"])
def test_inputs_whose_sides_are_no_multiples_are_refused(kind: str, request: pytest.FixtureRequest) -> None:
    file = ExportedPredictor.of(request.getfixturevalue(kind), trust=True)

    with pytest.raises(UsageError, match="multiples of 32; got 64×40"):
        file.file.run(np.zeros((1, 3, 40, 64), np.uint8))
    odd = replace(file, rule=Letterbox(height=40, width=64))
    with pytest.raises(UsageError, match="multiples of 32"):
        odd.detect([sample_of(np.zeros((40, 64, 3), np.uint8), "image")])


@pytest.mark.parametrize("kind", ["detector", "openvino", "program"])
@pytest.mark.parametrize("size", [(32, 32), (32, 320), (320, 32), (64, 64)])
def test_inputs_with_fewer_cells_than_detections_give_as_many_as_there_are(
    kind: str, size: tuple[int, int], folder: Path, request: pytest.FixtureRequest
) -> None:
    image = blood(0)[: size[0], : size[1]]
    rule = Letterbox(height=size[0], width=size[1])
    weights = replace(CenterNet(folder / "weights", "cpu").predictor, rule=rule)
    file = replace(ExportedPredictor.of(request.getfixturevalue(kind), trust=True), rule=rule)
    (ours,), (theirs,) = (one.detect([sample_of(image, "image")]) for one in (weights, file))
    seen = theirs.scores > 0

    assert theirs.scores[seen] == pytest.approx(ours.scores[: seen.sum()], abs=1e-4)
    assert ours.scores[seen.sum() :] == pytest.approx(0)
    assert furthest(ours.boxes[:5], theirs.boxes) < 1e-2


def test_an_input_too_large_for_a_program_is_refused_in_a_line(program: Path) -> None:
    with pytest.raises(UsageError, match=r"takes no inputs of 32×8224 .*: use the weights"):
        ExportedPredictor.of(program, trust=True).file.run(np.zeros((1, 3, 8224, 32), np.uint8))


def test_damaged_and_foreign_files_are_named(
    detector: Path, openvino: Path, program: Path, tmp_path: Path
) -> None:
    import onnx
    from openvino import Core, save_model

    (tmp_path / "half.onnx").write_bytes(detector.read_bytes()[:5000])
    model = onnx.load(detector)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    (tmp_path / "half.pt2").write_bytes(program.read_bytes()[:5000])
    torch.export.save(torch.export.export(torch.nn.ReLU(), (torch.zeros(2),)), tmp_path / "foreign.pt2")
    save_model(Core().read_model(tmp_path / "foreign.onnx"), tmp_path / "foreign" / "model.xml")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.xml").write_bytes((openvino / "model.xml").read_bytes()[:5000])
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "model.xml").write_bytes((openvino / "model.xml").read_bytes())
    expected = {
        "half.onnx": "is not a complete ONNX file",
        "none.onnx": "is not a complete ONNX file",
        "half.pt2": "is not a complete torch program",
        "none.pt2": "cannot be read: No such file",
        "half": "is not a complete OpenVINO graph",
        "alone": "is not a complete OpenVINO graph",
        "none_openvino": "is not a complete OpenVINO graph",
        "foreign.onnx": "was not written by `centernet export`",
        "foreign.pt2": "was not written by `centernet export`",
        "foreign": "was not written by `centernet export`",
    }

    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            CenterNet(tmp_path / name, trust=True)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_incomplete_metadata_is_named(detector: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(detector)
    kept = [entry for entry in model.metadata_props if entry.key != "stride"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "old.onnx")

    with pytest.raises(InputError, match=r"its metadata is incomplete or of another version \('stride'\)"):
        CenterNet(tmp_path / "old.onnx")


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [("detector", "onnxruntime", "runtime"), ("openvino", "openvino", "openvino")],
)
def test_a_missing_runtime_is_named(
    kind: str, package: str, extra: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = request.getfixturevalue(kind)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(UsageError, match=rf"needs {package}: pip install \"centernet\[{extra}\]\""):
        CenterNet(path)


@pytest.mark.parametrize(
    ("package", "options"),
    [
        ("onnxscript", {"format": "onnx"}),
        ("openvino", {"format": "openvino"}),
        ("nncf", {"format": "onnx", "int8": True, "data": np.zeros((64, 64, 3), np.uint8)}),
    ],
)
def test_a_missing_package_for_exporting_is_named(
    folder: Path,
    detector: Path,
    package: str,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from centernet.export import onnx as onnx_writer
    from centernet.export import openvino as openvino_writer

    if package != "onnxscript":
        for writer in (onnx_writer, openvino_writer):
            monkeypatch.setattr(writer, "onnx_model", _no_model)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match=rf"{package}.*pip install"):
        CenterNet(folder / "weights", "cpu").export(**options)
    assert list(tmp_path.iterdir()) == []


def _no_model(*_: object) -> object:
    """In place of an export, which takes time."""
    return object()


@pytest.mark.parametrize("kind", ["detector", "openvino"])
def test_a_file_runs_without_torch(
    kind: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    program = WITHOUT_TORCH + (
        "from centernet import CenterNet\n"
        "(found,) = CenterNet(sys.argv[1]).predict(sys.argv[2])\n"
        "print(found.boxes.tolist())"
    )
    result = _run(program, str(request.getfixturevalue(kind)), str(tmp_path / "image.png"))
    (found,) = CenterNet(folder / "weights", "cpu").predict(image, max_det=20)

    assert len(found) > 0
    assert furthest(found.boxes, np.array(json.loads(result))) < 1e-3


def test_the_command_line_predicts_with_a_file_without_torch(detector: Path, tmp_path: Path) -> None:
    Image.fromarray(blood(0)).save(tmp_path / "image.png")
    program = WITHOUT_TORCH + "from centernet.cli import main\nsys.exit(main(sys.argv[1:]))"

    words = ("predict", f"model={detector}", f"source={tmp_path}/image.png", f"project={tmp_path}/runs")
    assert "image.png" in _run(program, *words)
    assert (tmp_path / "runs" / "predict" / "image.png").is_file()


def test_weights_without_torch_are_refused_in_a_line() -> None:
    program = WITHOUT_TORCH + "from centernet.cli import main\nsys.exit(main(sys.argv[1:]))"
    words = ("predict", "model=blood-cells", "source=images/")
    result = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, env=os.environ
    )

    assert result.returncode == 1
    assert result.stderr == ("centernet: this needs torch, which is not installed: pip install centernet\n")


def test_quantising_sends_no_telemetry() -> None:
    program = (
        "from centernet.export.quantize import _nncf\n"
        "_nncf()\n"
        "from nncf.telemetry.wrapper import NNCFTelemetry, telemetry\n"
        "print(isinstance(telemetry, NNCFTelemetry))"
    )

    assert _run(program) == "False\n"


@pytest.mark.parametrize(
    ("rule", "size", "px"),
    [
        # As large as in training: not resampled.
        (ResizeLongestSide(long_side=96), (64, 96), 1e-3),
        (PadToMultiple(), (64, 90), 1e-3),
        (ResizeLongestSide(long_side=96), (150, 210), 0.5),
        (ResizeLongestSide(long_side=96), (50, 40), 0.5),
        (Letterbox(height=96, width=128), (150, 210), 0.5),
        (FitWidth(height=64, width=128), (100, 190), 0.5),
    ],
)
def test_the_example_runs_without_torch(
    rule: ResizeRule, size: tuple[int, int], px: float, detector: Path, folder: Path, tmp_path: Path
) -> None:
    coarse = np.random.default_rng(1).integers(0, 255, (size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    Image.fromarray(image).save(tmp_path / "image.png")
    predictor = replace(CenterNet(folder / "weights", "cpu").predictor, rule=rule)
    _with_config(detector, config_of(predictor), tmp_path / "file.onnx")
    program = (
        WITHOUT_TORCH
        + "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    result = _run(program, str(EXAMPLE), str(tmp_path / "file.onnx"), str(tmp_path / "image.png"))
    (found,) = predictor.detect([sample_of(image, "image")])
    found = found.above(0.3)

    rows = [line.split() for line in result.splitlines()]
    assert len(rows) == len(found) > 0
    theirs = np.array([[float(side) for side in row[-4:]] for row in rows])
    # The resampling differs a little, so the last ones may be others.
    assert furthest(found.boxes[:10], theirs) < px


def _with_config(file: Path, config: object, path: Path) -> None:
    """A copy of the file with another config in it."""
    import onnx

    model = onnx.load(file)
    (entry,) = (one for one in model.metadata_props if one.key == "centernet")
    entry.value = json.dumps(config)
    onnx.save(model, path)


def _run(program: str, *words: str) -> str:
    """The output of a program."""
    result = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, env=os.environ
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("precision", "kinds"), [("fp16", ("onnx", "openvino", "torch")), ("int8", ("onnx", "openvino"))]
)
def test_fewer_bits_give_the_same_detections_within_a_wider_tolerance(
    precision: str, kinds: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [blood(i) for i in range(6)]
    bits = {"half": True} if precision == "fp16" else {"int8": True, "data": images}
    weights = CenterNet("blood-cells", "cpu")
    _trace_once(monkeypatch)
    for kind in kinds:
        output = tmp_path / ("cells" + {"onnx": ".onnx", "torch": ".pt2", "openvino": ""}[kind])
        path, parity = weights.export(kind, output=output, source=[blood(7), blood(8)], **bits)

        assert parity.tolerance == TOLERANCES[precision]
        assert parity.num_detections >= 15
        size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        assert size < 22e6 / {"fp16": 1.9, "int8": 3.4}[precision]
        (ours,), (theirs,) = weights.predict(blood(9)), CenterNet(path, trust=True).predict(blood(9))
        assert abs(len(ours) - len(theirs)) <= 1


def _trace_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All formats are written from one traced graph: tracing takes most of the time."""
    trace = DetectionGraph.traced
    traced: list[torch.export.ExportedProgram] = []

    def traced_once(graph: DetectionGraph) -> torch.export.ExportedProgram:
        if not traced:
            traced.append(trace(graph))
        return traced[0]

    monkeypatch.setattr(DetectionGraph, "traced", traced_once)


def test_int8_is_for_features_not_for_positions() -> None:
    from centernet.export.quantize import Node, ends_of, places_of

    nodes = {
        "pixels": Node(kind="Cast", inputs=()),
        "stem": Node(kind="Conv", inputs=("pixels",)),
        "moves": Node(kind="Conv", inputs=("stem",)),
        "grid": Node(kind="Add", inputs=("moves",)),
        "sampled": Node(kind="GridSample", inputs=("stem", "grid")),
        "neck": Node(kind="Conv", inputs=("sampled",)),
        "head": Node(kind="Conv", inputs=("neck",)),
        "peak": Node(kind="TopK", inputs=("head",)),
        "around": Node(kind="Add", inputs=("peak",)),
        "read": Node(kind="GatherND", inputs=("neck", "around")),
        "size": Node(kind="Conv", inputs=("read",)),
        "box": Node(kind="Add", inputs=("size",)),
    }

    assert places_of(nodes) == {"grid", "peak", "around", "box"}
    assert ends_of(nodes) == {"stem", "head", "size"}


@pytest.fixture(scope="module")
def corners(folder: Path) -> Path:
    """Weights of a detector by corners, on inputs one short of a multiple; beside them its file."""
    predictor = replace(predictor_of(TASKS["triplet"], "slim"), rule=PadBelowMultiple(pad=31))
    save(predictor, folder / "corners")
    export(predictor, folder / "corners.onnx")
    return folder / "corners.onnx"


def test_pairs_of_corners_are_merged_as_for_the_network(corners: Path, folder: Path) -> None:
    weights, file = CenterNet(folder / "corners", "cpu"), CenterNet(corners)
    blocks = np.random.default_rng(3).integers(0, 256, (11, 14, 3), dtype=np.uint8)
    image = blocks.repeat(8, axis=0).repeat(8, axis=1)

    for options in (
        {},
        {"scales": (0.8, 1.2)},
        {"exact": True, "nms": "gaussian"},
        {"scales": (0.8, 1.2), "merge_boxes": 10.0},
    ):
        (one,), (other,) = (model.predict(image, conf=0.01, **options) for model in (weights, file))
        assert len(one) == len(other) > 3
        assert other.scores == pytest.approx(one.scores, abs=1e-5)
        assert furthest(one.boxes, other.boxes) < 1e-3
    with pytest.raises(UsageError, match="multiples of 32, less 1; got 64×64"):
        next(file.predict(image, resize="fit", imgsz=64))


def test_a_file_exported_before_outputs_were_declared_still_runs(corners: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(corners)
    added = ("output_specs", "top_k", "is_scale_dependent")
    kept = [one for one in model.metadata_props if one.key not in added]
    assert len(kept) == len(model.metadata_props) - len(added)
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "old.onnx")
    image = np.random.default_rng(3).integers(0, 256, (88, 112, 3), dtype=np.uint8)
    new, old = (next(CenterNet(path).predict(image, conf=0.01)) for path in (corners, tmp_path / "old.onnx"))

    assert len(new) > 0
    assert (old.boxes == new.boxes).all()
    assert (old.scores == new.scores).all()


@dataclass(frozen=True, kw_only=True)
class Spots:
    """A task that is not of the library: squares of one size, and two outputs without a role."""

    side_px: float = 16.0
    top_k: int = 20

    @property
    def heads(self) -> Mapping[str, HeadSpec]:
        return {
            "spots": HeadSpec(channels=2, bias=-2.19, heatmap="spots"),
            "turn": HeadSpec(channels=2, at_cells=True),
        }

    @property
    def outputs(self) -> Mapping[str, OutputSpec]:
        return {
            **BOX_OUTPUTS,
            "turn_rad": OutputSpec(unit="radians"),
            "logits": OutputSpec(),
        }

    @property
    def is_scale_dependent(self) -> bool:
        return True

    def with_settings(self, **settings: Any) -> "Spots":
        return with_fields(self, settings)

    def encode(self, objects: BatchAnnotations, grid: Grid) -> Targets:
        raise NotImplementedError

    def loss(self, maps: Maps, targets: Targets) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def decode(self, maps: Maps, stride: int) -> Outputs:
        peaks = find_peaks(maps["spots"], self.top_k)
        centers = cell_corners(peaks.cells) * stride
        turn = read(maps["turn"], peaks.cells)
        return {
            "logits": peaks.values,
            "boxes": torch.cat([centers - self.side_px / 2, centers + self.side_px / 2], dim=-1),
            "scores": peaks.values.sigmoid(),
            "labels": peaks.labels,
            "turn_rad": torch.atan2(turn[..., 0], turn[..., 1]),
        }

    def merge_flipped(self, maps: Maps, flipped: Maps) -> Maps:
        raise NotImplementedError


def test_a_task_from_outside_predicts_and_exports_as_those_of_the_library(tmp_path: Path) -> None:
    predictor = replace(make(Spots()), thresholds=Thresholds(0.2, (0.1, None)))
    parity = export(predictor, tmp_path / "spots.onnx")
    file = ExportedPredictor.of(tmp_path / "spots.onnx")
    sample = sample_of(blood(0), "image")
    (ours,), (theirs,) = (one.detect([sample]) for one in (predictor, file))

    assert parity.holds
    assert list(parity.differences) == ["boxes", "scores", "labels", "turn_rad", "logits"]
    assert file.file.metadata.outputs == Spots().outputs
    assert file.is_scale_dependent
    assert file.thresholds == predictor.thresholds
    assert len(ours) == 20
    assert theirs.scores == pytest.approx(ours.scores, abs=1e-5)
    assert len(predictor.with_task_settings(top_k=3).detect([sample])[0]) == 3
    assert predictor.explain(sample).shape[2] == 3


def test_outputs_that_are_declared_wrongly_are_named() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Missing(Detect):
        @property
        def outputs(self) -> Mapping[str, OutputSpec]:
            return {**BOX_OUTPUTS, "age": OutputSpec()}

    @dataclass(frozen=True, kw_only=True)
    class Unlabelled(Detect):
        @property
        def outputs(self) -> Mapping[str, OutputSpec]:
            return {name: replace(spec, group=name) for name, spec in BOX_OUTPUTS.items()}

    with pytest.raises(
        UsageError, match=r"Missing.outputs declares 'age', but Missing.decode does not return"
    ):
        DetectionGraph(make(Missing(num_classes=2)))
    with pytest.raises(UsageError, match=r"the group 'boxes' has no output with role='label': add one"):
        DetectionGraph(make(Unlabelled(num_classes=2)))


def test_different_outputs_are_no_parity() -> None:
    network = {
        "boxes": np.array([[[0.0, 0, 9, 9], [5, 5, 20, 20]]]),
        "scores": np.array([[0.9, 0.5]]),
        "labels": np.array([[0, 1]]),
    }
    swapped = {name: values[:, ::-1] for name, values in network.items()}
    moved = {**network, "boxes": network["boxes"] + np.array([[[0, 0, 0, 0.5]]])}
    relabelled = {**network, "labels": np.array([[1, 1]])}

    assert compare(network, network, BOX_OUTPUTS).holds
    assert compare(network, {**swapped, "scores": network["scores"]}, BOX_OUTPUTS).equal_share < 1
    assert not compare(network, moved, BOX_OUTPUTS).holds
    assert compare(network, moved, BOX_OUTPUTS).differences["boxes"] == 0.5
    assert not compare(network, relabelled, BOX_OUTPUTS).holds
    nothing = {name: values[:0] for name, values in network.items()}
    assert not compare(network, nothing, BOX_OUTPUTS).holds
    assert str(compare(network, nothing, BOX_OUTPUTS)).startswith(
        "0.0% of 2 detections in 1 images are equal"
    )


def test_an_exported_graph_finds_the_same_peaks() -> None:
    class Peaks(torch.nn.Module):
        def forward(self, heatmap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            peaks = find_peaks(heatmap, 12)
            return peaks.values, peaks.labels, peaks.cells

    heatmap = torch.randn(2, 5, 9, 14)
    program = torch.export.export(Peaks(), (heatmap,))

    for ours, theirs in zip(Peaks()(heatmap), program.module()(heatmap), strict=True):
        assert (ours == theirs).all()


def test_each_format_has_a_writer_and_a_backend() -> None:
    assert list(WRITERS) == list(FORMATS)


def test_arguments_that_cannot_be_exported_are_named(folder: Path, tmp_path: Path) -> None:
    weights = CenterNet(folder / "weights", "cpu")

    wrong: Iterator[tuple[dict[str, Any], str]] = iter(
        [
            ({"format": "tflite"}, "no format 'tflite': format is one of onnx, openvino, torch"),
            ({"output": "a.txt"}, r"ends in \.onnx; got a\.txt"),
            ({"format": "torch", "output": "a.onnx"}, r"ends in \.pt2; got a\.onnx"),
            ({"format": "openvino", "output": "a.xml"}, r"writes a folder; got a\.xml: leave \.xml out"),
            ({"half": True, "int8": True}, "choose one"),
            ({"int8": True}, "add data=FOLDER"),
            ({"data": "images/"}, "data is what int8=true is calibrated on"),
            (
                {"format": "torch", "int8": True, "data": np.zeros((64, 64, 3), np.uint8)},
                "int8=true writes onnx and openvino",
            ),
        ]
    )
    for options, message in wrong:
        with pytest.raises(UsageError, match=message):
            weights.export(**options)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written .*: choose"):
        weights.export(output=tmp_path / "file" / "a.onnx")


def test_a_full_disk_is_an_oserror_for_every_format(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(2),))
    monkeypatch.setattr(DetectionGraph, "traced", lambda _: program)
    metadata = ModelMetadata(config={}, divisor=32, short=0, stride=4, precision="fp32", outputs={}, top_k=1)
    value = opset13.parameter([1])
    model = Model([opset13.relu(value)], [value])
    # A folder of that name cannot be written to, like a full disk.
    (tmp_path / "graph" / "model.xml").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        write_program(DetectionGraph(CenterNet(folder / "weights", "cpu").predictor), metadata, tmp_path)
    with pytest.raises(OSError, match="model"):
        save_openvino(model, tmp_path / "graph")


class NetworkAsFile:
    """A network in place of an exported file, with boxes that may be wrong."""

    name = "network_as_file"
    max_concurrency = 1

    def __init__(self, predictor: TorchPredictor, wrong_px: float = 0.0) -> None:
        self._graph = DetectionGraph(predictor)
        self._wrong_px = wrong_px
        self.metadata = metadata_of(predictor, self._graph)

    def run(self, images: np.ndarray, *, half: bool = False) -> dict[str, np.ndarray]:  # noqa: ARG002
        with torch.inference_mode():
            values = self._graph(torch.from_numpy(images))
        found = {name: value.numpy() for name, value in zip(self._graph.outputs, values, strict=True)}
        return {**found, "boxes": found["boxes"] + self._wrong_px}


def test_a_new_format_is_a_writer_and_a_backend_with_a_line_each(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = CenterNet(folder / "weights", "cpu")

    def write_toy(graph: DetectionGraph, metadata: ModelMetadata, path: Path, _images: object) -> None:
        path.write_text(json.dumps(metadata.entries))

    class ToyBackend(NetworkAsFile):
        def __init__(self, path: Path) -> None:
            super().__init__(weights.predictor)
            self.metadata = ModelMetadata.read(json.loads(path.read_text()), str(path))

    monkeypatch.setitem(WRITERS, "toy", write_toy)  # type: ignore[arg-type]
    monkeypatch.setitem(FORMATS, "toy", Format(ending=".toy", open=ToyBackend))  # type: ignore[arg-type]
    path, parity = weights.export("toy", output=tmp_path / "model.toy")
    image = blood(0)
    (ours,), (theirs,) = (model.predict(image, conf=0.05, max_det=20) for model in (weights, CenterNet(path)))

    assert parity.equal_share == 1
    assert len(ours) > 0
    assert theirs.scores == pytest.approx(ours.scores, abs=1e-5)


def test_random_images_are_compared_if_the_given_ones_have_no_detections(folder: Path) -> None:
    predictor = CenterNet(folder / "weights", "cpu").predictor
    head = predictor.network.heads[-1]["heatmap"][-1]  # type: ignore[index]
    blank = sample_of(np.full((64, 96, 3), 64, np.uint8), "blank")
    with torch.no_grad():
        head.weight *= 100
        head.bias += float(np.log(1 / predictor.detect([blank])[0].scores.max() - 1)) - 6
    graph = DetectionGraph(predictor)
    right, wrong = (parity_of(graph, predictor, NetworkAsFile(predictor, px), [blank]) for px in (0, 5))

    assert predictor.detect([blank])[0].scores.max() < 0.01
    assert right.num_detections == wrong.num_detections > 0
    assert right.holds
    assert not wrong.holds


def test_without_any_detections_no_file_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from centernet.export import exporter

    predictor = CenterNet(folder / "weights", "cpu").predictor
    with torch.no_grad():
        predictor.network.heads[-1]["heatmap"][-1].bias -= 50  # type: ignore[index]
    network_as_file = replace(FORMATS["torch"], open=lambda _: NetworkAsFile(predictor))
    monkeypatch.setattr(exporter, "WRITERS", {"torch": lambda _graph, _metadata, path, _images: path.touch()})
    monkeypatch.setattr(exporter, "FORMATS", {"torch": network_as_file})

    with pytest.raises(
        InputError, match=r"have no detections with a score of 0.01 or more: give some with objects"
    ):
        export(predictor, tmp_path / "a.pt2", "torch")
    assert list(tmp_path.iterdir()) == []


def test_angles_are_compared_on_the_circle() -> None:
    one = {
        "boxes": np.zeros((1, 2, 4)),
        "scores": np.array([[0.9, 0.0]]),
        "labels": np.zeros((1, 2)),
        "alpha_rad": np.full((1, 2), np.pi - 1e-5),
    }
    outputs = {**BOX_OUTPUTS, "alpha_rad": OutputSpec(unit="radians", role="alpha")}
    for turned, apart in ((-np.pi + 1e-5, 2e-5), (3 * np.pi, 1e-5), (0.0, np.pi), (-np.pi / 2, np.pi / 2)):
        parity = compare(one, {**one, "alpha_rad": np.full((1, 2), turned)}, outputs)
        assert parity.holds == (apart < 1e-3)
        assert parity.differences["alpha_rad"] == pytest.approx(apart, abs=2e-5)


def test_a_file_with_other_detections_is_not_written(
    detector: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from centernet.export import onnx as onnx_writer

    def moved(*given: object) -> object:
        """The graph of another network."""
        graph, metadata = given
        with torch.no_grad():
            graph.network.heads[-1]["size"][-1].bias += 1  # type: ignore[attr-defined]
        model = onnx_model(graph, metadata)
        with torch.no_grad():
            graph.network.heads[-1]["size"][-1].bias -= 1  # type: ignore[attr-defined]
        return model

    onnx_model = onnx_writer.onnx_model
    monkeypatch.setattr(onnx_writer, "onnx_model", moved)

    with pytest.raises(InputError, match="its detections differ from those of the network"):
        CenterNet(folder / "weights", "cpu").export(output=tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
