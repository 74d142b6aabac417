"""Times this library against the original's algorithm: `uv run python -m benchmarks.run`.

Processor time of one thread. Both programs run in turn, so that other load affects them equally.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import cv2
import torch
from benchmarks.cases import Case, all_cases
from benchmarks.measuring import RESULTS, commit, cpu_ms, machine

BLOCK_MS = 20.0
"""Time for which a case is repeated before the other program runs, so that both run warm."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="number of runs of each case")
    parser.add_argument("--name", default="cpu", help="the results are written to results/NAME.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(0)

    code = commit()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        rows = [measure(case, options.rounds) for case in all_cases(Path(folder))]
    report = {
        "command": f"python -m benchmarks.run --rounds {options.rounds} --name {options.name}",
        "commit": code,
        "machine": machine(),
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / f"{options.name}.md").write_text(as_markdown(report))
    print(as_markdown(report))


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Milliseconds per image: minimum and median of all rounds."""
    works = {"original": case.original, "ours": case.ours}
    calls = {
        name: max(1, round(BLOCK_MS / min(cpu_ms(work) for _ in range(3)))) for name, work in works.items()
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(cpu_ms(work, calls[name]) / case.images)
    minimum = {name: min(values) for name, values in times.items()}
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        "group": case.group,
        "name": case.name,
        "original_ms": round(minimum["original"], 3),
        "ours_ms": round(minimum["ours"], 3),
        "ratio": round(minimum["original"] / minimum["ours"], 2),
        "original_median_ms": round(median["original"], 3),
        "ours_median_ms": round(median["ours"], 3),
        "ratio_of_medians": round(median["original"] / median["ours"], 2),
    }


def as_markdown(report: dict) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        "# Processor time, against the original's algorithm",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        "Milliseconds per image, minimum of all rounds; medians in brackets.",
        "80 classes, input 512×512, map 128×128, one image and 10 objects unless stated otherwise.",
        "Times of batches and training samples (of 8) include collation.",
        "",
        "| what | | original | ours | times faster |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row['group']} | {row['name']} | {row['original_ms']:.2f} ({row['original_median_ms']:.2f}) "
        f"| {row['ours_ms']:.2f} ({row['ours_median_ms']:.2f}) "
        f"| {row['ratio']:.1f} ({row['ratio_of_medians']:.1f}) |"
        for row in report["rows"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
