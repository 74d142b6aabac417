"""Images per second of a network on a CUDA device: bfloat16, channels last, one captured graph."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

BATCHES = (1, 32)
PEAK_SIDE = 8192
"""Side of the matrices whose product measures the peak throughput of the device."""


def rows(network: nn.Module, side: int, flops: float) -> Iterator[dict[str, Any]]:
    """One row for each batch size.

    Args:
        network: Network to time; a copy is used.
        side: Side of the input, pixels.
        flops: Operations per image.
    """
    device = torch.device("cuda")
    fast = copy.deepcopy(network).eval().to(device, torch.bfloat16, memory_format=torch.channels_last)
    peak = peak_flops(device)
    for batch in BATCHES:
        images = torch.randn(batch, 3, side, side, device=device, dtype=torch.bfloat16)
        images = images.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            seconds = seconds_of(captured(lambda images=images: fast(images)), device)
        yield {
            "batch": batch,
            "ms": round(1e3 * seconds, 3),
            "images_per_second": round(batch / seconds, 1),
            "share_of_peak": round(batch * flops / seconds / peak, 3),
        }


def captured(work: Callable[[], object]) -> Callable[[], None]:
    """The work as one CUDA graph, so that no kernel launch waits for Python."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # Libraries choose algorithms and allocate memory before the graph is recorded.
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = work()

    def replay(_outputs: object = outputs) -> None:
        graph.replay()

    return replay


def seconds_of(work: Callable[[], object], device: torch.device, rounds: int = 5, calls: int = 20) -> float:
    """Seconds per call: minimum over several rounds, each of many calls."""
    work()
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        start.record()
        for _ in range(calls):
            work()
        end.record()
        torch.cuda.synchronize(device)
        times.append(start.elapsed_time(end) / 1e3 / calls)
    return min(times)


def peak_flops(device: torch.device) -> float:
    """Measured operations per second of a large product of bfloat16 matrices."""
    first, second = (torch.randn(PEAK_SIDE, PEAK_SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * PEAK_SIDE**3 / seconds_of(lambda: first @ second, device)


def machine() -> dict[str, Any]:
    device = torch.device("cuda")
    return {
        "device": torch.cuda.get_device_name(device),
        "peak_tflops": round(peak_flops(device) / 1e12, 1),
    }


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Lines of the table."""
    return [
        f"On {report['device']}, whose product of bfloat16 matrices of {PEAK_SIDE}×{PEAK_SIDE} reached "
        f"{report['peak_tflops']:.0f} TFLOP/s:",
        "",
        "| recipe | batch | ms per batch | images per second | fraction of that |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| `{row['name']}` | {row['batch']} | {row['ms']:.2f} | {row['images_per_second']:.0f} "
            f"| {row['share_of_peak']:.0%} |"
            for row in report["rows"]
        ),
    ]
