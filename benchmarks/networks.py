"""Times networks against the original implementation: `uv run python -m benchmarks.networks`.

Processor time of one thread for an image, both implementations in turn with the same weights. With a CUDA
device, also images per second there, of ours only.
"""

import argparse
import copy
import json
import math
import os
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from benchmarks.measuring import RESULTS, commit, cpu_ms, machine
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import deform_conv2d

from benchmarks import accelerator
from centernet.inference.predictor import TorchPredictor
from centernet.models.backbones.dla import DLA
from centernet.models.convolutions import TAPS, DeformableConv
from centernet.models.network import Network
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories
from centernet.training.build import build_predictor

NAMES = ("small", "resnet18", "resnet18-dcn", "dla34", "dla34-dcn", "resnet101-dcn", "hourglass104")
"""Recipes whose networks are timed."""

COCO_CLASSES = 80
SIDE = 512
TOLERANCE = 5e-3
"""Largest accepted difference of both implementations, in standard deviations of the map."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="number of runs of each network")
    parser.add_argument("--networks", nargs="+", default=NAMES, choices=RECIPES, help="recipes")
    parser.add_argument("--name", default="networks", help="the results go to results/NAME.json and .md")
    options = parser.parse_args()
    torch.set_num_threads(1)

    code, load = commit(), os.getloadavg()[0]
    rows, on_device = [], []
    for name in options.networks:
        predictor = trained_alike(RECIPES[name](), COCO_CLASSES, SIDE)
        rows.append({"name": name, **measure(predictor, SIDE, options.rounds)})
        print(rows[-1], flush=True)
        if torch.cuda.is_available():
            flops = 1e9 * gflops(predictor.network, SIDE)
            on_device += [{"name": name, **row} for row in accelerator.rows(predictor.network, SIDE, flops)]
    report = {
        "command": f"python -m benchmarks.networks --rounds {options.rounds} --name {options.name}",
        "commit": code,
        "machine": {**machine(), "load": f"{load:.1f} to {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"},
        "rows": rows,
        "accelerator": {**accelerator.machine(), "rows": on_device} if on_device else None,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{options.name}.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / f"{options.name}.md").write_text(as_markdown(report))
    print(as_markdown(report))


def trained_alike(recipe: Recipe, num_classes: int, side: int) -> TorchPredictor:
    """A predictor with random weights that takes the same time as a trained one.

    Features have mean 0 and deviation 1 on noise of this side, and the offsets of deformable convolutions are
    one or two pixels, at most about four.
    """
    predictor = build_predictor(recipe, Categories.of(*(f"class{i}" for i in range(num_classes))))
    generator = torch.Generator().manual_seed(1)
    for module in predictor.network.modules():
        if isinstance(module, DeformableConv):
            weight, bias = module.offset_mask.weight.data, module.offset_mask.bias.data
            weight.normal_(std=0.5 / math.sqrt(weight[0].numel()), generator=generator)
            bias[: 2 * TAPS].normal_(std=1.5, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        predictor.network.train()(torch.randn(1, 3, side, side, generator=generator))
    predictor.network.eval()
    return predictor


def as_original(network: Network) -> nn.Module:
    """A copy with the same weights that computes as the original does on a processor.

    Tensors are contiguous, deformable convolutions use torchvision's operator, and the two unused shortcuts
    of DLA are computed.
    """
    theirs = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    for module in list(theirs.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, DeformableConv):
                setattr(module, name, CompiledDeformableConv(child))
    if isinstance(theirs.backbone, DLA):
        encoder = theirs.backbone.encoder
        for level, widths in UNUSED_SHORTCUTS.items():
            setattr(encoder, level, WithUnusedShortcut(getattr(encoder, level), *widths))
    return theirs.eval()


class CompiledDeformableConv(nn.Module):
    """The same layer with torchvision's operator, as in the original."""

    def __init__(self, layer: DeformableConv) -> None:
        super().__init__()
        self.weight, self.bias, self.offset_mask = layer.weight, layer.bias, layer.offset_mask

    def forward(self, features: Tensor) -> Tensor:
        offsets, mask = self.offset_mask(features).split([2 * TAPS, TAPS], dim=1)
        return deform_conv2d(
            features, offsets.contiguous(), self.weight, self.bias, padding=1, mask=mask.sigmoid()
        )


UNUSED_SHORTCUTS = {"level3": (64, 128), "level4": (128, 256)}
"""Channels of the unused shortcuts of DLA-34, which its inner trees compute again."""


class WithUnusedShortcut(nn.Module):
    """A level of DLA that also computes the unused shortcut of the original."""

    def __init__(self, level: nn.Module, in_channels: int, channels: int) -> None:
        super().__init__()
        self.level = level
        self.project = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        self.project(self.level.downsample(features))
        return self.level(features)


def largest_difference(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> float:
    """Largest difference over all maps, in standard deviations of the map."""
    return max(float((ours[name] - theirs[name]).abs().max() / theirs[name].std()) for name in theirs)


def gflops(network: nn.Module, side: int) -> float:
    """10⁹ operations per image, two for each multiply-add.

    Counts convolutions, matrix products (including those of deformable convolutions), and four multiply-adds
    for each value sampled by bilinear interpolation.
    """
    sampling = {torch.ops.aten.grid_sampler_2d: lambda *_, out_shape, **__: 8 * math.prod(out_shape)}
    counted = copy.deepcopy(network).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=sampling) as counter:
        counted(torch.empty(1, 3, side, side, device="meta"))
    return counter.get_total_flops() / 1e9


def measure(predictor: TorchPredictor, side: int, rounds: int) -> dict[str, Any]:
    """Milliseconds per image: minimum and median of all rounds.

    Raises:
        RuntimeError: The maps of both implementations differ.
    """
    network, theirs = predictor.network, as_original(predictor.network)
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(2))

    def half() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return network(images)

    ways: dict[str, Callable[[], Any]] = {
        "original": lambda: theirs(images),
        "ours": lambda: network(images),
        "bf16": half,
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    with torch.inference_mode():
        difference = largest_difference(network(images)[-1], theirs(images)[-1])
        if not difference <= TOLERANCE:
            raise RuntimeError(f"the maps differ by {difference} standard deviations: nothing is timed")
        half()
        for _ in range(rounds):
            for way, work in ways.items():
                times[way].append(cpu_ms(work))
    minimum = {f"{way}_ms": round(min(values), 1) for way, values in times.items()}
    median = {f"{way}_median_ms": round(statistics.median(values), 1) for way, values in times.items()}
    return {
        "parameters_m": round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2),
        "gflops": round(gflops(network, side), 1),
        **minimum,
        **median,
        "ratio": round(minimum["original_ms"] / minimum["ours_ms"], 2),
        "ratio_of_medians": round(median["original_median_ms"] / median["ours_median_ms"], 2),
        "difference": float(f"{difference:.1e}"),
    }


def as_markdown(report: dict[str, Any]) -> str:
    environment = "; ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        "# Processor time of networks, against the original implementation",
        "",
        f"`{report['command']}` at commit {report['commit']}. {environment}.",
        "",
        "Milliseconds for one image, minimum of all rounds; medians in brackets.",
        f"{COCO_CLASSES} classes, input {SIDE}×{SIDE}; see the [README](../README.md) for the comparison.",
        "",
        "| recipe | parameters, M | GFLOPs | original | ours | times faster | ours in bfloat16 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| `{row['name']}` | {row['parameters_m']:.2f} | {row['gflops']:.1f} "
        f"| {row['original_ms']:.0f} ({row['original_median_ms']:.0f}) "
        f"| {row['ours_ms']:.0f} ({row['ours_median_ms']:.0f}) "
        f"| {row['ratio']:.2f} ({row['ratio_of_medians']:.2f}) "
        f"| {row['bf16_ms']:.0f} ({row['bf16_median_ms']:.0f}) |"
        for row in report["rows"]
    ]
    if report["accelerator"]:
        lines += ["", *accelerator.as_markdown(report["accelerator"])]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
