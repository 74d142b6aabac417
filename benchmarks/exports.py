"""Compares exported files with PyTorch for all tasks and backbones: `uv run python -m benchmarks.exports`.

Random weights and small inputs. The tests do the same without the largest backbones and some variants of
tasks.
"""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import torch
from benchmarks.measuring import RESULTS, commit, machine
from tests.helpers.exportable import BACKBONES, TASKS, predictor_of

from centernet.export.exporter import metadata_of, parity_of
from centernet.export.graph import DetectionGraph
from centernet.export.onnx import onnx_model
from centernet.export.openvino import openvino_model
from centernet.inference.backends.onnxruntime import OnnxBackend
from centernet.inference.backends.openvino import OpenVinoBackend
from centernet.structures.outputs import OutputSpec

LARGE = (("detect", "resnet152-dcn"), ("triplet", "hourglass104"))
"""The largest backbones, with one task each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--name", default="exports", help="the results go to results/NAME.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)

    pairs = [(task, backbone) for backbone in options.backbones for task in TASKS]
    report: dict[str, Any] = {
        "command": f"python -m benchmarks.exports --name {options.name}",
        "commit": commit(),
        "machine": machine(),
        "rows": [],
    }
    for task, backbone in [*pairs, *LARGE] if options.backbones == BACKBONES else pairs:
        report["rows"].append({"task": task, "backbone": backbone, **measure(task, backbone)})
        print(report["rows"][-1], flush=True)
        (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1) + "\n")
        (RESULTS / f"{options.name}.md").write_text(as_markdown(report))


def measure(task: str, backbone: str) -> dict[str, Any]:
    """Differences between the files and the network, and the processor time of an export."""
    start = time.process_time()
    predictor = predictor_of(TASKS[task], backbone)
    graph = DetectionGraph(predictor)
    metadata = metadata_of(predictor, graph)
    model = onnx_model(graph, metadata)
    seconds = time.process_time() - start
    files = {
        "onnx": OnnxBackend(model.SerializeToString(), "file"),
        "openvino": OpenVinoBackend(openvino_model(model, metadata), "graph"),
    }
    row: dict[str, Any] = {"seconds": round(seconds, 1)}
    for name, file in files.items():
        parity = parity_of(graph, predictor, file)
        row |= {name: parity.to_json()}
    return row


def as_markdown(report: dict[str, Any]) -> str:
    environment = report["machine"]
    lines = [
        f"`{report['command']}`, commit {report['commit']}, {environment['processor']}, "
        f"torch {environment['torch']}, {environment['threads']} thread.",
        "",
        "Largest difference of coordinates (input pixels) and of other outputs, of detections above 0.01.",
        "",
        "| task | backbone | detections | ONNX | OpenVINO | within tolerance | seconds to export |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        outputs = TASKS[row["task"]].outputs
        cells = [_differences(row[name]["differences"], outputs) for name in ("onnx", "openvino")]
        hold = "yes" if row["onnx"]["holds"] and row["openvino"]["holds"] else "**no**"
        if not row["onnx"]["num_detections"]:
            hold = "no detections"
        lines.append(
            f"| {row['task']} | {row['backbone']} | {row['onnx']['num_detections']} "
            f"| {cells[0]} | {cells[1]} | {hold} | {row['seconds']} |"
        )
    return "\n".join(lines) + "\n"


def _differences(values: dict[str, float], outputs: Mapping[str, OutputSpec]) -> str:
    coordinates = {name for name, spec in outputs.items() if spec.unit == "pixels" and spec.role != "focal"}
    if not coordinates & values.keys():
        return "–"
    pixels = max(value for name, value in values.items() if name in coordinates)
    other = max(value for name, value in values.items() if name not in coordinates)
    return f"{pixels:.1g} px, {other:.1g}"


if __name__ == "__main__":
    main()
