"""Times light networks of ours and YOLO11n in OpenVINO: `uv run python -m benchmarks.latency`.

Needs the package `ultralytics`, which this library does not use. From a decoded image to boxes, with inputs
of the size of the image, 32 bits, one thread, in turn; random weights, ours with three classes, YOLO11n with
its 80.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from benchmarks.cases import make_image
from benchmarks.measuring import RESULTS, by_turns, commit, machine
from benchmarks.networks import trained_alike

from centernet import CenterNet
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures.sample import sample_of
from centernet.weights import files as weights

CLASSES = 3
SIZES = ((480, 640), (256, 320))
"""Image sizes: rows and columns."""

OURS: dict[str, dict[str, object]] = {
    "nano": {},
    "small": {},
    "small, MobileNetV4-small, separable": {
        "backbone": "timm/mobilenetv4_conv_small", "separable": True
    },
    "base": {},
    "large": {},
}  # fmt: skip
"""Changed settings by the name of the row, which begins with the name of the recipe."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="number of runs of each")
    parser.add_argument(
        "--rows", nargs="+", choices=OURS, default=list(OURS), help="networks of ours to time"
    )
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    load = os.getloadavg()[0]
    rows: dict[str, dict[str, Any]] = {}
    with TemporaryDirectory() as folder:
        for size in SIZES:
            image = np.ascontiguousarray(make_image()[: size[0], : size[1]])
            ways = {"YOLO11n": yolo(image, Path(folder))}
            ways |= {name: ours(image, name, Path(folder) / f"{name} {size[1]}") for name in options.rows}
            for row in by_turns(ways, options.rounds):
                rows.setdefault(row["name"], {})["{}x{}".format(*size)] = row
    parameters = {"YOLO11n": 2.6, **{name: parameters_of(name) for name in options.rows}}
    report = {
        "command": f"python -m benchmarks.latency --rounds {options.rounds}",
        "commit": commit(),
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "rows": [{"name": name, "parameters_m": parameters[name], **times} for name, times in rows.items()],
    }
    (RESULTS / "latency.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "latency.md").write_text(as_markdown(report))
    print(as_markdown(report))


def recipe_of(name: str, side: int = 640) -> Recipe:
    return with_settings(RECIPES[name.partition(",")[0]](), imgsz=side, rect=True, **OURS[name])


def parameters_of(name: str) -> float:
    """Number of parameters in millions."""
    network = trained_alike(recipe_of(name), CLASSES, 64).network
    return round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2)


def ours(image: np.ndarray, name: str, folder: Path) -> Callable[[], object]:
    weights.save(trained_alike(recipe_of(name, image.shape[1]), CLASSES, 320), folder / "weights")
    exported, _ = CenterNet(folder / "weights", "cpu").export("openvino", output=folder / "graph")
    predictor: Any = CenterNet(exported)._file
    sample = sample_of(np.ascontiguousarray(image[..., ::-1]), "image")
    return lambda: predictor.detect([sample])


def yolo(image: np.ndarray, folder: Path) -> Callable[[], object]:
    import openvino
    from ultralytics import YOLO
    from ultralytics.utils.nms import non_max_suppression

    with chdir(folder):
        exported = Path(
            YOLO("yolo11n.yaml").export(format="onnx", imgsz=image.shape[:2], simplify=False)
        ).resolve()
    program = openvino.Core().compile_model(
        exported, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    )

    def run() -> object:
        pixels = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32) / 255
        found = torch.from_numpy(program([pixels])[0])
        return non_max_suppression(found, 0.3)

    return run


def as_markdown(report: dict[str, Any]) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    sizes = ["{}x{}".format(*size) for size in SIZES]
    firsts = {size: report["rows"][0][size]["ms"] for size in sizes}
    lines = [
        "# Light networks in OpenVINO, from pixels to boxes",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        "Milliseconds of processor time for an image of that size, medians of all rounds; in brackets the",
        "minimum, and the ratio to the first row.",
        "",
        "| | parameters, M | " + " | ".join(f"{size.replace('x', '×')}, ms" for size in sizes) + " |",
        "|---|---:|" + "---:|" * len(sizes),
        *(
            f"| {row['name']} | {row['parameters_m']:.1f} | {_times(row, sizes, firsts)} |"
            for row in report["rows"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _times(row: dict[str, Any], sizes: Sequence[str], firsts: dict[str, float]) -> str:
    return " | ".join(
        f"{row[size]['ms']:.0f} ({row[size]['least']:.0f}; {row[size]['ms'] / firsts[size]:.2f})"
        for size in sizes
    )


if __name__ == "__main__":
    main()
