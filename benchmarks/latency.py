"""Times light networks of ours and YOLO11n in OpenVINO: `uv run python -m benchmarks.latency`.

Needs the package `ultralytics` beside ours; nothing of ours does. From a decoded image of 480×640 to boxes,
inputs of 480×640, 32 bits, one thread, by turns; random weights, ours of three classes, theirs of its 80.
"""

import argparse
import json
import os
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from benchmarks.cases import make_image
from benchmarks.measuring import RESULTS, by_turns, commit, machine
from benchmarks.networks import trained_alike

from centernet import CenterNet, weights
from centernet.data.samples import sample_of
from centernet.recipes import RECIPES, with_settings

CLASSES, SIDE = 3, 640
OURS: dict[str, dict[str, object]] = {
    "ours: nano": {},
    "ours: nano, separable": {"separable": True},
    "ours: MobileNetV4-small, separable": {"backbone": "timm/mobilenetv4_conv_small", "separable": True},
    "ours: base": {"backbone": "timm/resnet18d", "channels": 128},
}
"""Settings of the recipe `nano`, by the names of their rows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="how often each runs")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    image = make_image()
    with TemporaryDirectory() as folder:
        ways = {"YOLO11n": (yolo(image, Path(folder)), 2.6)}
        ways |= {
            name: ours(image, settings, Path(folder) / str(i))
            for i, (name, settings) in enumerate(OURS.items())
        }
        rows = by_turns({name: work for name, (work, _) in ways.items()}, options.rounds)
    rows = [{**row, "parameters_m": ways[row["name"]][1]} for row in rows]
    report = {
        "command": f"python -m benchmarks.latency --rounds {options.rounds}",
        "commit": commit(),
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "rows": rows,
    }
    (RESULTS / "latency.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "latency.md").write_text(as_markdown(report))
    print(as_markdown(report))


def ours(image: np.ndarray, settings: dict[str, object], folder: Path) -> tuple[Callable[[], object], float]:
    """One of ours, and its millions of parameters."""
    recipe = with_settings(RECIPES["nano"](), imgsz=SIDE, rect=True, **settings)
    predictor = trained_alike(recipe, CLASSES, 320)
    count = sum(parameter.numel() for parameter in predictor.network.parameters()) / 1e6
    weights.save(predictor, folder / "weights")
    written, _ = CenterNet(folder / "weights", "cpu").export("openvino", output=folder / "graph")
    finder: Any = CenterNet(written)._file
    sample = sample_of(np.ascontiguousarray(image[..., ::-1]), "image")
    return lambda: finder.detect([sample]), round(count, 2)


def yolo(image: np.ndarray, folder: Path) -> Callable[[], object]:
    import openvino
    from ultralytics import YOLO
    from ultralytics.utils.nms import non_max_suppression

    with chdir(folder):
        written = Path(
            YOLO("yolo11n.yaml").export(format="onnx", imgsz=image.shape[:2], simplify=False)
        ).resolve()
    program = openvino.Core().compile_model(
        written, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    )

    def run() -> object:
        shown = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32) / 255
        found = torch.from_numpy(program([shown])[0])
        return non_max_suppression(found, 0.3)

    return run


def as_markdown(report: dict[str, Any]) -> str:
    facts = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    first = report["rows"][0]["ms"]
    lines = [
        "# Light networks in OpenVINO, from the pixels of 480×640 to boxes",
        "",
        f"`{report['command']}` at commit {report['commit']}. {facts}.",
        "",
        "Milliseconds of processor time, medians of all rounds; in brackets the least.",
        "",
        "| | parameters, M | ms | share of the first |",
        "|---|---:|---:|---:|",
        *(
            f"| {row['name']} | {row['parameters_m']:.1f} | {row['ms']:.0f} ({row['least']:.0f}) "
            f"| {row['ms'] / first:.2f} |"
            for row in report["rows"]
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
