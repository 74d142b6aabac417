"""Times KITTI's numbers as `centernet score format=kitti` computes them: `uv run python -m benchmarks.kitti`.

Processor time of one thread from text files to all averages: every class, both protocols, 11 and 40 recalls.
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
"""Of the split that papers report."""
PER_FRAME = 10
TYPES = ("Car", "Pedestrian", "Cyclist", "Van", "DontCare", "Truck")
SHARES = (0.55, 0.12, 0.08, 0.1, 0.1, 0.05)


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
    """Seconds for so many frames, and the most memory that the process has held by then."""
    with tempfile.TemporaryDirectory() as folder:
        ground_truth, results = Path(folder) / "label_2", Path(folder) / "results"
        write_frames(ground_truth, results, frames)
        ways = {"protocol": ("original", "strict"), "points": (11, 40)}
        seconds = cpu_ms(lambda: score("kitti", ground_truth, results, **ways)) / 1000
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"frames": frames, "seconds": round(seconds, 2), "peak_mb": round(peak_mb)}


def write_frames(ground_truth: Path, results: Path, frames: int) -> None:
    """Ten objects in each frame, and ten that were found: near them, half of them too far off to count."""
    rng = np.random.default_rng(0)
    for folder in (ground_truth, results):
        folder.mkdir()
    for frame in range(frames):
        types = rng.choice(TYPES, PER_FRAME, p=SHARES).tolist()
        height = np.exp(rng.uniform(np.log(15), np.log(200), PER_FRAME))
        x, y = rng.uniform(0, 1100, PER_FRAME), rng.uniform(100, 180, PER_FRAME)
        boxes = np.stack([x, y, x + 1.5 * height, y + height], axis=1)
        places = rng.uniform((-20, 1, 4, -3.1), (20, 2, 60, 3.1), (PER_FRAME, 4))
        solids = np.concatenate([np.tile([1.5, 1.6, 3.9], (PER_FRAME, 1)), places], axis=1)
        occlusion = rng.integers(0, 3, PER_FRAME)
        off = np.where(rng.random(PER_FRAME) < 0.5, 0.1, 0.3)[:, None]
        found_boxes = boxes + rng.normal(0, 0.05, boxes.shape) * height[:, None]
        found_solids = np.maximum(
            solids + rng.normal(0, 1, solids.shape) * off, [0.1, 0.1, 0.1, -99, -9, 1, -9]
        )
        lines = [
            f"{kind} 0 {hidden} 0.3 {_joined(box)} {_joined(solid)}\n"
            for kind, hidden, box, solid in zip(types, occlusion, boxes, solids, strict=True)
        ]
        (ground_truth / f"{frame:06d}.txt").write_text("".join(lines))
        lines = [
            f"{'Car' if kind == 'DontCare' else kind} -1 -1 0.3 {_joined(box)} {_joined(solid)} {sure:.3f}\n"
            for kind, box, solid, sure in zip(
                types, found_boxes, found_solids, rng.random(PER_FRAME), strict=True
            )
        ]
        (results / f"{frame:06d}.txt").write_text("".join(lines))


def as_markdown(report: dict[str, Any]) -> str:
    facts = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        "# Processor time of KITTI's numbers",
        "",
        f"`{report['command']}` at commit {report['commit']}. {facts}.",
        "",
        f"From text files to all averages; {PER_FRAME} true and {PER_FRAME} found objects in each frame.",
        "",
        "| frames | seconds | ms a frame | most memory, MB |",
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
