"""ONNX with the decoding inside: no NMS, no post-processing, sizes left open."""

import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.data.batching import collate
from centernet.data.transforms import resize
from centernet.errors import InputError, UsageError
from centernet.export.graph import DetectionGraph
from centernet.export.parity import Parity, compare
from centernet.predictor import Predictor
from centernet.runtime.onnx import OnnxFile
from centernet.structures import Sample
from centernet.weights import config_of, write_whole

OPSET = 20
"""The first that samples between pixels in maps of any size, which deformable convolutions need."""

_MOST_STEPS = 256
"""Sides of the input are at most so many times the divisor."""


def export_onnx(predictor: Predictor, path: Path, samples: Sequence[Sample] = ()) -> Parity:
    """Write an ONNX file, run it beside the network, and keep it if both find the same.

    The file takes `images` `(batch 3 height width)`, uint8 RGB, sides multiples of the network's divisor; and
    gives the task's outputs by name, input pixels. Its metadata hold, under `centernet`, what a weights
    folder's `config.json` does.

    Args:
        predictor: What to write.
        path: The file; one beside it, `.parity.json`, holds the comparison.
        samples: Images to compare on; made-up ones where none are given.

    Raises:
        UsageError: A package that exporting needs is not installed.
        InputError: The file cannot be written, or finds something else than the network; then none is left.
    """
    content = _graph(predictor)
    graph = DetectionGraph(predictor).eval()
    file = OnnxFile(content, str(path))
    parity = _together(
        [_compared(graph, file, images) for images in _inputs(predictor, samples)],
    )
    if not parity.holds:
        raise InputError(f"{path} is not written: what it finds is not what the network finds: {parity}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    report = json.dumps(parity.to_json(), indent=1) + "\n"
    write_whole(path.with_suffix(".parity.json"), report.encode())
    return parity


def _graph(predictor: Predictor) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401 - the exporter needs it and says so less clearly
    except ImportError as error:
        raise UsageError('export needs onnx and onnxscript: pip install "centernet[export]"') from error
    predictor = replace(predictor, network=predictor.network.cpu().float())
    graph = DetectionGraph(predictor).eval()
    if graph.is_decided_outside:
        raise UsageError(
            "boxes of two corners are decided by soft-NMS after the graph, so no file holds all of it: "
            "export weights of another task"
        )
    names = graph.names
    divisor = predictor.network.backbone.divisor
    # Sides of two and three cells of the coarsest map, and two images: 1 would be taken for a constant.
    images = torch.zeros(2, 3, *_sides(predictor, divisor), dtype=torch.uint8)
    rows, columns = (torch.export.Dim(name, min=1, max=_MOST_STEPS) for name in ("rows", "columns"))
    shape = {0: torch.export.Dim("batch"), 2: divisor * rows, 3: divisor * columns}
    with _quiet():
        program = torch.onnx.export(
            graph,
            (images,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(names),
            dynamic_shapes={"images": shape},
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    entries: dict[str, Any] = {
        "centernet": config_of(predictor),
        "divisor": divisor,
        "stride": predictor.stride,
    }
    for key, value in entries.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=json.dumps(value)))
    content: bytes = model.SerializeToString()
    return content


def _sides(predictor: Predictor, divisor: int) -> tuple[int, int]:
    """Sides of an input whose map has enough cells to hold all detections."""
    rows = 2
    while (rows * divisor // predictor.network.stride) ** 2 < predictor.task.top_k:
        rows += 1
    return rows * divisor, (rows + 1) * divisor


def _inputs(predictor: Predictor, samples: Sequence[Sample]) -> Iterator[UInt8[np.ndarray, "b 3 h w"]]:
    if samples:
        for sample in samples:
            yield collate([resize(sample, predictor.rule)]).images.numpy()
        return
    rows, columns = _sides(predictor, predictor.network.backbone.divisor)
    rng = np.random.default_rng(0)
    for batch, height, width in ((2, rows, columns), (1, columns, columns)):
        # Blocks of colour, so that there is something to see.
        coarse = rng.integers(0, 256, (batch, 3, height // 8, width // 8), dtype=np.uint8)
        yield coarse.repeat(8, axis=2).repeat(8, axis=3)


def _compared(graph: DetectionGraph, file: OnnxFile, images: UInt8[np.ndarray, "b 3 h w"]) -> Parity:
    with torch.inference_mode():
        ours = graph(torch.from_numpy(images))
    network = dict(zip(graph.names, (value.numpy() for value in ours), strict=True))
    return compare(network, file.run(images))


def _together(parts: Sequence[Parity]) -> Parity:
    total = sum(part.num_detections for part in parts)
    equal = sum(part.equal_share * part.num_detections for part in parts)
    return Parity(
        num_images=sum(part.num_images for part in parts),
        num_detections=total,
        equal_share=equal / total if total else 1.0,
        differences={name: max(part.differences[name] for part in parts) for name in parts[0].differences},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter speaks of itself on every channel there is; its errors are exceptions."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
