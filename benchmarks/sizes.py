"""Accuracy and cost of the networks of the recipes: `uv run python -m benchmarks.sizes`.

Combines the results of `benchmarks.ablation --model NAME --rows ours` and of `benchmarks.latency`, and
measures nothing itself; – stands for networks that were not trained.
"""

import argparse
import json
from typing import Any

from benchmarks.measuring import RESULTS
from benchmarks.trainings import METRICS, mean_and_spread

NAMES = ("nano", "small", "base", "large")
SIZE = "256x320"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="bccd", help="name of the data set of the trainings")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the trainings")
    options = parser.parse_args()
    latency = json.loads((RESULTS / "latency.json").read_text())
    costs = {row["name"]: row for row in latency["rows"]}
    lines = [
        "# Accuracy and cost of the networks of nano, small, base and large",
        "",
        f"AP on {options.data} after {options.epochs} epochs from scratch, all with the recipe `few` except",
        "for the exact radius: row *ours* of `benchmarks.ablation`, mean over the seeds ± standard",
        "deviation. Time of one thread in OpenVINO, 32 bits, from an image of "
        f"{SIZE.replace('x', '×')} to boxes: `benchmarks.latency`, {latency['machine']['processor']}.",
        "",
        "| | parameters, M | ms | seeds | AP | AP50 | AP75 | CPU minutes of training |",
        "|---|---:|---:|---:|---|---|---|---:|",
        *(_line(name, costs[name], _ours(name, options)) for name in NAMES),
    ]
    text = "\n".join(lines) + "\n"
    (RESULTS / "sizes.md").write_text(text)
    print(text)


def _ours(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    path = RESULTS / f"ablation-{name}-{options.data}-{options.epochs}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    return [row for row in rows if row["name"] == "ours"]


def _line(name: str, cost: dict[str, Any], found: list[dict[str, Any]]) -> str:
    costs = f"{name} | {cost['parameters_m']:.1f} | {cost[SIZE]['ms']:.0f} | {len(found)}"
    if not found:
        return f"| {costs} | – | – | – | – |"
    means = " | ".join(mean_and_spread([row[metric] for row in found]) for metric in METRICS)
    minutes = sum(row["cpu_minutes"] for row in found) / len(found)
    return f"| {costs} | {means} | {minutes:.1f} |"


if __name__ == "__main__":
    main()
