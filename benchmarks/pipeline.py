"""Times an image from its pixels to boxes, in every runtime: `uv run python -m benchmarks.pipeline`.

The paper's ResNet-18 on 512×512, from a decoded image of 480×640, one thread. The first row is the original's
pipeline in PyTorch; all run in turn. Weights are random, with activations as in a trained network.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from benchmarks.cases import make_image
from benchmarks.measuring import RESULTS, by_turns, commit, machine
from benchmarks.networks import COCO_CLASSES, SIDE, as_original, trained_alike
from openvino import Core

from benchmarks import original
from centernet import CenterNet
from centernet.data.transforms.warp import resize
from centernet.export.openvino import save_openvino
from centernet.export.quantize import quantized
from centernet.inference.options import InferenceOptions
from centernet.inference.predictor import TorchPredictor
from centernet.io.images import stack_images
from centernet.recipes.presets import RECIPES
from centernet.structures import Sample
from centernet.structures.sample import sample_of
from centernet.weights import files as weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="number of runs of each")
    parser.add_argument("--recipe", default="resnet18", choices=RECIPES)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    load = os.getloadavg()[0]
    predictor = trained_alike(RECIPES[options.recipe](), COCO_CLASSES, SIDE)
    with TemporaryDirectory() as folder:
        rows = by_turns(all_ways(predictor, Path(folder)), options.rounds)
        fractions = {
            "PyTorch": decode_fraction(predictor, options.rounds),
            **{
                f"OpenVINO with {name}": openvino_decode_fraction(
                    Path(folder) / "openvino", hint, options.rounds
                )
                for name, hint in {"32 bits": "f32", "bfloat16": "bf16"}.items()
            },
        }
    report = {
        "command": f"python -m benchmarks.pipeline --rounds {options.rounds} --recipe {options.recipe}",
        "commit": commit(),
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "rows": rows,
        "decode_shares": fractions,
    }
    (RESULTS / "pipeline.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "pipeline.md").write_text(as_markdown(report))
    print(as_markdown(report))


def all_ways(predictor: TorchPredictor, folder: Path) -> dict[str, Callable[[], object]]:
    """The pipelines by name, all for the same image."""
    image = make_image()
    sample = sample_of(np.ascontiguousarray(image[..., ::-1]), "image")
    path = weights.save(predictor, folder / "weights")
    detector = CenterNet(path, "cpu")
    theirs = as_original(predictor.network)

    def as_the_original_does() -> object:
        with torch.no_grad():
            maps = theirs(original.preprocess(image))[-1]
            found = original.decode(maps["heatmap"].sigmoid(), maps["size"], maps["offset"])
        return to_image(found[0].numpy(), image.shape[:2])

    def detect_with(file_or_predictor: Any, *, half: bool = False) -> Callable[[], object]:
        return lambda: file_or_predictor.detect([sample], InferenceOptions(half=half))

    ways: dict[str, Callable[[], object]] = {
        "the original's, PyTorch": as_the_original_does,
        "ours, PyTorch": detect_with(detector.predictor),
        "ours, PyTorch, bfloat16": detect_with(detector.predictor, half=True),
    }
    onnx, _ = detector.export("onnx", output=folder / "file.onnx")
    graph, _ = detector.export("openvino", output=folder / "openvino")
    with_8_bits = in_8_bits(predictor, sample, graph, folder / "openvino-int8")
    return {
        **ways,
        "ONNX Runtime": detect_with(CenterNet(onnx)._file),
        "OpenVINO": detect_with(CenterNet(graph)._file),
        "OpenVINO, bfloat16": detect_with(CenterNet(graph)._file, half=True),
        "OpenVINO, 8 bits": detect_with(CenterNet(with_8_bits)._file),
    }


def in_8_bits(predictor: TorchPredictor, sample: Sample, graph: Path, folder: Path) -> Path:
    """An OpenVINO graph as written with `int8=true`, without the check: scores of random weights are low."""
    calibration = stack_images([resize(sample, predictor.rule).image])
    save_openvino(quantized(Core().read_model(graph / "model.xml"), [calibration] * 8), folder)
    return folder


def to_image(rows: np.ndarray, size: tuple[int, int]) -> list[list[float]]:
    """Boxes in image pixels, corner by corner, as in the original."""
    height, width = size
    center = np.array([width / 2, height / 2], dtype=np.float32)
    matrix = np.linalg.inv(
        np.vstack([original.affine(center, float(max(height, width)), (SIDE // 4, SIDE // 4)), [0, 0, 1]])
    )[:2]
    return [
        [*original.move(row[:2], matrix), *original.move(row[2:4], matrix), row[4], row[5]] for row in rows
    ]


def decode_fraction(predictor: TorchPredictor, rounds: int) -> float:
    """Decoding time as a fraction of network and decoding, in PyTorch."""
    images = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    times: list[tuple[float, float]] = []
    with torch.inference_mode():
        for _ in range(rounds):
            start = time.process_time()
            maps = predictor.network.last_maps(images)
            middle = time.process_time()
            predictor.task.decode(maps, predictor.stride)
            times.append((middle - start, time.process_time() - middle))
    network, decode = (statistics.median(values) for values in zip(*times, strict=True))
    return decode / (network + decode)


def openvino_decode_fraction(folder: Path, precision: str, rounds: int) -> float:
    """Decoding time as a fraction of an OpenVINO graph, by its own counters: medians of each step.

    Decoding is everything from the pooling of the heatmap on, which is the second pooling, except matrix
    products: those are heads computed at the peaks.
    """
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision, "PERF_COUNT": True}
    request = Core().compile_model(folder / "model.xml", "CPU", settings).create_infer_request()
    images = np.random.default_rng(2).integers(0, 256, (1, 3, SIDE, SIDE), dtype=np.uint8)
    times: list[list[float]] = []
    for _ in range(rounds):
        request.infer({"images": images})
        steps = request.get_profiling_info()
        times.append([step.real_time.total_seconds() for step in steps])
    medians = np.median(times, axis=0)
    node_types = [step.node_type for step in steps]
    first = [i for i, node_type in enumerate(node_types) if node_type == "MaxPool"][1]
    is_decode = [
        i >= first and node_type not in ("Convolution", "FullyConnected", "MatMul")
        for i, node_type in enumerate(node_types)
    ]
    return float(medians[is_decode].sum() / medians.sum())


def as_markdown(report: dict[str, Any]) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    first = report["rows"][0]["ms"]
    lines = [
        "# An image from its pixels to boxes",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        "Milliseconds of processor time, medians of all rounds; minimum in brackets.",
        "Decoding takes of the time of network and decoding: "
        + ", ".join(f"{fraction:.1%} in {name}" for name, fraction in report["decode_shares"].items())
        + ".",
        "",
        "| pipeline | ms | times faster than the first |",
        "|---|---:|---:|",
        *(
            f"| {row['name']} | {row['ms']:.0f} ({row['least']:.0f}) | {first / row['ms']:.2f} |"
            for row in report["rows"]
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
