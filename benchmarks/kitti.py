"""Times KITTI evaluation, `centernet score format=kitti`: `uv run python -m benchmarks.kitti`.

Processor time of one thread from text files to all metrics: every class, both protocols, 11 and 40 recalls.
"""

import argparse
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.measuring import RESULTS, commit, cpu_ms, machine

from centernet.evaluation import score

VALIDATION_FRAMES = 3769
"""Frames of the validation split that papers report."""
PER_FRAME = 10
TYPES = ("Car", "Pedestrian", "Cyclist", "Van", "DontCare", "Truck")
FRACTIONS = (0.55, 0.12, 0.08, 0.1, 0.1, 0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=(500, 1000, 2000, VALIDATION_FRAMES))
    parser.add_argument("--name", default="kitti", help="the results go to results/NAME.json and .md")
    options = parser.parse_args()
    code = commit()
    report = {
        "command": f"python -m benchmarks.kitti --name {options.name}",
        "commit": code,
        "machine": machine(),
        "rows": [measure(frames) for frames in options.frames],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / f"{options.name}.md").write_text(as_markdown(report))
    print(as_markdown(report))


def measure(frames: int) -> dict[str, Any]:
    """Seconds for a number of frames, and the peak memory of the process so far."""
    with tempfile.TemporaryDirectory() as folder:
        ground_truth, results = Path(folder) / "label_2", Path(folder) / "results"
        write_frames(ground_truth, results, frames)
        settings = {"protocol": ("original", "strict"), "points": (11, 40)}
        seconds = cpu_ms(lambda: score("kitti", ground_truth, results, **settings)) / 1000
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"frames": frames, "seconds": round(seconds, 2), "peak_mb": round(peak_mb)}


def write_frames(ground_truth: Path, results: Path, frames: int) -> None:
    """Writes ten objects and ten detections per frame; half of the detections are too inaccurate to match."""
    rng = np.random.default_rng(0)
    for folder in (ground_truth, results):
        folder.mkdir()
    for frame in range(frames):
        types = rng.choice(TYPES, PER_FRAME, p=FRACTIONS).tolist()
        height = np.exp(rng.uniform(np.log(15), np.log(200), PER_FRAME))
        x, y = rng.uniform(0, 1100, PER_FRAME), rng.uniform(100, 180, PER_FRAME)
        boxes = np.stack([x, y, x + 1.5 * height, y + height], axis=1)
        locations = rng.uniform((-20, 1, 4, -3.1), (20, 2, 60, 3.1), (PER_FRAME, 4))
        boxes3d = np.concatenate([np.tile([1.5, 1.6, 3.9], (PER_FRAME, 1)), locations], axis=1)
        occlusion = rng.integers(0, 3, PER_FRAME)
        error = np.where(rng.random(PER_FRAME) < 0.5, 0.1, 0.3)[:, None]
        found_boxes = boxes + rng.normal(0, 0.05, boxes.shape) * height[:, None]
        found_boxes3d = np.maximum(
            boxes3d + rng.normal(0, 1, boxes3d.shape) * error, [0.1, 0.1, 0.1, -99, -9, 1, -9]
        )
        lines = [
            f"{kind} 0 {hidden} 0.3 {_joined(box)} {_joined(box3d)}\n"
            for kind, hidden, box, box3d in zip(types, occlusion, boxes, boxes3d, strict=True)
        ]
        (ground_truth / f"{frame:06d}.txt").write_text("".join(lines))
        lines = [
            f"{'Car' if kind == 'DontCare' else kind} -1 -1 0.3 {_joined(box)} {_joined(box3d)} {score:.3f}\n"
            for kind, box, box3d, score in zip(
                types, found_boxes, found_boxes3d, rng.random(PER_FRAME), strict=True
            )
        ]
        (results / f"{frame:06d}.txt").write_text("".join(lines))


def as_markdown(report: dict[str, Any]) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        "# Processor time of KITTI evaluation",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        f"From text files to all metrics; {PER_FRAME} objects and {PER_FRAME} detections in each frame.",
        "",
        "| frames | seconds | ms per frame | peak memory, MB |",
        "|---:|---:|---:|---:|",
        *(
            f"| {row['frames']} | {row['seconds']:.1f} | {1000 * row['seconds'] / row['frames']:.2f} "
            f"| {row['peak_mb']} |"
            for row in report["rows"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _joined(numbers: np.ndarray) -> str:
    return " ".join(f"{number:.2f}" for number in numbers.tolist())


if __name__ == "__main__":
    main()
