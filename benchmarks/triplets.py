"""Times keypoint triplets against the original: `uv run python -m benchmarks.triplets`.

Processor time of one thread. The times of the original's C++ pooling, decoding and networks are those of one
thread of another processor. Its decoding also runs here, reimplemented, and so do networks in its memory
format (contiguous) with our pooling; both in turn with ours.
"""

import argparse
import json
import os

import torch
import torch.nn.functional as F
from benchmarks.measuring import RESULTS, commit, cpu_ms, machine
from torch import Tensor

from centernet.models.factory import Architecture
from centernet.tasks.triplet.corner_pooling import (
    COLUMNS,
    ROWS,
    bottom_pool,
    left_pool,
    max_along,
    right_pool,
    top_pool,
)
from centernet.tasks.triplet.task import Triplet

POOLS = (top_pool, bottom_pool, left_pool, right_pool)
THEIRS_MS = {"pools": 640.0, "center": 167.0, "decode": 139.0, "hourglass52": 4098.0, "hourglass104": 5429.0}
"""Times of the original on another machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of runs of each case")
    parser.add_argument("--name", default="triplets", help="the results go to results/NAME.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    load = os.getloadavg()[0]
    rows = [
        pools_row(options.rounds),
        center_row(options.rounds),
        decode_row(options.rounds),
        *(forward_row(name, options.rounds) for name in ("hourglass52", "hourglass104")),
    ]
    report = {
        "command": f"python -m benchmarks.triplets --rounds {options.rounds} --name {options.name}",
        "commit": commit(),
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "rows": rows,
    }
    (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / f"{options.name}.md").write_text(as_markdown(report))
    print(as_markdown(report))


def pools_row(rounds: int) -> dict[str, object]:
    """Forward and backward pass of the four corner poolings in sequence."""
    features = torch.randn(1, 256, 128, 128).requires_grad_()
    gradient = torch.randn(1, 256, 128, 128)

    def work() -> None:
        for pool in POOLS:
            features.grad = None
            pool(features).backward(gradient)

    ours = min(cpu_ms(work) for _ in range(rounds))
    return row("four pools, forward and backward, 1×256×128×128", THEIRS_MS["pools"], ours)


def center_row(rounds: int) -> dict[str, object]:
    """Row and column maxima of centre pooling, forward."""
    features = torch.randn(1, 256, 128, 128)

    def work() -> None:
        with torch.inference_mode():
            max_along(features, ROWS) + max_along(features, COLUMNS)

    ours = min(cpu_ms(work, 5) for _ in range(rounds))
    return row("centre pooling, forward, 1×256×128×128", THEIRS_MS["center"], ours)


def decode_row(rounds: int) -> dict[str, object]:
    """From raw maps to boxes, including the check of the centres."""
    task = Triplet(num_classes=80)
    maps = {name: torch.randn(1, spec.channels, 128, 128) - 2 for name, spec in task.heads.items()}
    both: dict[str, list[float]] = {"theirs": [], "ours": []}
    with torch.inference_mode():
        for _ in range(rounds):
            both["theirs"].append(cpu_ms(lambda: original_decode(maps)))
            both["ours"].append(cpu_ms(lambda: task.decode(maps, 4)))
    here = min(both["theirs"])
    return {
        **row("decode, 80×128×128", THEIRS_MS["decode"], min(both["ours"])),
        "original_here_ms": round(here, 1),
    }


def forward_row(backbone: str, rounds: int) -> dict[str, object]:
    """The whole network at 511×511: as a predictor computes it, and in the memory format of the original."""
    network = Architecture(backbone=backbone, head_channels=256).build(Triplet(num_classes=80).heads).eval()
    images = torch.randn(1, 3, 511, 511)
    both: dict[torch.memory_format, list[float]] = {torch.contiguous_format: [], torch.channels_last: []}
    with torch.inference_mode():
        for _ in range(rounds):
            for memory_format, times in both.items():
                network.to(memory_format=memory_format)
                inputs = images.contiguous(memory_format=memory_format)
                times.append(cpu_ms(lambda inputs=inputs: network.last_maps(inputs)))
    here, ours = (min(times) for times in both.values())
    return {
        **row(f"forward, {backbone}, 511×511", THEIRS_MS[backbone], ours),
        "original_here_ms": round(here, 1),
    }


def row(name: str, theirs: float, ours: float) -> dict[str, object]:
    return {"name": name, "original_ms": theirs, "ours_ms": round(ours, 1)}


def original_decode(maps: dict[str, Tensor], count: int = 70, max_pairs: int = 1000) -> tuple[Tensor, Tensor]:
    """Pairs of corners and centres by the original's algorithm: sigmoid, 3×3 pooling, top k, all pairs."""
    found = {}
    for name in ("top_left", "bottom_right", "center"):
        heatmap = maps[f"{name}_heatmap"].sigmoid()
        heatmap = heatmap * (F.max_pool2d(heatmap, 3, 1, 1) == heatmap)
        height, width = heatmap.shape[2:]
        scores, index = heatmap.flatten(1).topk(count)
        label, place = index // (height * width), index % (height * width)
        offset = maps[f"{name}_offset"].flatten(2).gather(2, place[:, None].expand(-1, 2, -1))
        x, y = place % width + offset[:, 0], place // width + offset[:, 1]
        found[name] = scores, label, x, y, place
    (scores1, label1, x1, y1, place1), (scores2, label2, x2, y2, place2), center = found.values()
    tag1 = maps["top_left_tag"].flatten(1).gather(1, place1)[:, :, None]
    tag2 = maps["bottom_right_tag"].flatten(1).gather(1, place2)[:, None]
    pairs = torch.broadcast_tensors(
        x1[:, :, None], y1[:, :, None], x2[:, None], y2[:, None], label1[:, :, None].float()
    )
    score = (scores1[:, :, None] + scores2[:, None]) / 2
    score[label1[:, :, None] != label2[:, None]] = -1
    score[(tag1 - tag2).abs() > 0.5] = -1
    score[x2[:, None] < x1[:, :, None]] = -1
    score[y2[:, None] < y1[:, :, None]] = -1
    score, order = score.flatten(1).topk(max_pairs)
    boxes = torch.stack([value.flatten(1).gather(1, order) for value in (*pairs,)], dim=2)
    return torch.cat([boxes, score[..., None]], dim=2), torch.stack([center[2], center[3], center[0]], dim=2)


def times_faster(row: dict) -> str:
    return f"{row.get('original_here_ms', row['original_ms']) / row['ours_ms']:.1f}"


def as_markdown(report: dict) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        "# Keypoint triplets, against the original",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        "Milliseconds of processor time for one image, minimum of all rounds. Times of the original are",
        "from a run on another processor; its decoding, and networks in its memory format, are timed here",
        "too. The last column compares with the time here if there is one.",
        "",
        "| what | original | here | ours | times faster |",
        "|---|---:|---:|---:|---:|",
    ]
    for line in report["rows"]:
        here = f"{line['original_here_ms']:.1f}" if "original_here_ms" in line else ""
        times = f"{line['original_ms']:.0f} | {here} | {line['ours_ms']}"
        lines.append(f"| {line['name']} | {times} | {times_faster(line)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
