"""Export of a predictor to a file whose detections are compared with those of the network."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from centernet.errors import InputError
from centernet.export.graph import DetectionGraph
from centernet.export.onnx import write_onnx
from centernet.export.openvino import write_openvino
from centernet.export.parity import TOLERANCES, Parity, compare, merge_parities
from centernet.export.torch_export import write_program
from centernet.inference.backends.base import InferenceBackend, ModelMetadata
from centernet.inference.backends.formats import FORMATS
from centernet.inference.postprocess import PLAIN
from centernet.inference.predictor import TorchPredictor
from centernet.inference.preprocess import preprocess
from centernet.io.images import stack_images
from centernet.io.writing import write_atomically, writing
from centernet.structures import Sample
from centernet.weights.config import config_of

MAX_CALIBRATION = 128
"""Images that the ranges of int8 activations are measured on; more change nothing."""

Writer = Callable[[DetectionGraph, ModelMetadata, Path, Sequence[np.ndarray]], None]
"""Writes a graph with its metadata to a path; images to calibrate `int8` on come last."""

WRITERS: Mapping[str, Writer] = {
    "onnx": write_onnx,
    "openvino": write_openvino,
    "torch": write_program,
}
"""Writers by what is typed as `format`. The backends that run the files are in `backends.formats.FORMATS`."""


def export(
    predictor: TorchPredictor,
    path: Path,
    format: str = "onnx",  # noqa: A002 - the name that users type
    *,
    precision: str = "fp32",
    samples: Sequence[Sample] = (),
    calibration: Sequence[Sample] = (),
) -> Parity:
    """Write a file, run it beside the network, and keep it if both give the same detections.

    The file takes `images` `(batch 3 height width)`, uint8 RGB; and gives the task's outputs by name, input
    pixels. Its metadata has the `config.json` of the weights under `centernet`.

    Args:
        predictor: The detector.
        path: The file or folder. `.parity.json` beside it, or `parity.json` in it, holds the comparison.
        format: One of `FORMATS`.
        precision: One of `TOLERANCES`.
        samples: Images to compare on; random ones if none are given.
        calibration: Images to calibrate the quantisation on, for `int8`.

    Raises:
        UsageError: A package that the format needs is not installed, or the format has no such precision.
        InputError: The file cannot be written, its detections differ from those of the network, or there were
            none to compare; then no file is left.
    """
    graph = DetectionGraph(predictor)
    metadata = metadata_of(predictor, graph, precision)
    exported = DetectionGraph(predictor, half=True) if precision == "fp16" else graph
    part = path.with_name(f".part-{path.name}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            WRITERS[format](exported, metadata, part, [_resized(predictor, sample) for sample in calibration])
            parity = parity_of(graph, predictor, FORMATS[format].open(part), samples)
            if not parity.num_detections:
                raise InputError(
                    f"{path} is not written: the images to compare on have no detections with a score of "
                    f"{TOLERANCES[precision].least} or more: give some with objects, source=FOLDER"
                )
            if not parity.holds:
                raise InputError(
                    f"{path} is not written: its detections differ from those of the network: {parity}"
                )
            _keep(part, path, json.dumps(parity.to_json(), indent=1) + "\n")
    finally:
        _drop(part)
    return parity


def metadata_of(predictor: TorchPredictor, graph: DetectionGraph, precision: str = "fp32") -> ModelMetadata:
    """Metadata of the exported file."""
    return ModelMetadata(
        config=config_of(predictor),
        divisor=predictor.divisor,
        short=graph.short,
        stride=predictor.stride,
        precision=precision,
        outputs=graph.outputs,
        top_k=predictor.task.top_k,
        is_scale_dependent=predictor.is_scale_dependent,
    )


def parity_of(
    graph: DetectionGraph, predictor: TorchPredictor, file: InferenceBackend, samples: Sequence[Sample] = ()
) -> Parity:
    """Differences of the outputs of a file and of the network.

    Args:
        graph: The network with its decoding.
        predictor: Its preprocessing.
        file: The exported file.
        samples: Images; random ones too if nothing is detected in these.
    """
    parts = [_compared(graph, file, _resized(predictor, sample)) for sample in samples]
    if not any(part.num_detections for part in parts):
        parts += [_compared(graph, file, images) for images in _random_images(graph)]
    return merge_parities(parts)


def _compared(graph: DetectionGraph, file: InferenceBackend, images: UInt8[np.ndarray, "b 3 h w"]) -> Parity:
    with torch.inference_mode():
        ours = graph(torch.from_numpy(images))
    network = {name: value.numpy() for name, value in zip(graph.outputs, ours, strict=True)}
    return compare(network, file.run(images), graph.outputs, TOLERANCES[file.metadata.precision])


def _random_images(graph: DetectionGraph) -> Iterator[UInt8[np.ndarray, "b 3 h w"]]:
    rows, columns = graph.sides
    rng = np.random.default_rng(0)
    for batch, height, width in ((2, rows, columns), (1, columns, columns)):
        # Blocks of colour: in plain noise nothing is detected.
        coarse = rng.integers(0, 256, (batch, 3, height // 8 + 1, width // 8 + 1), dtype=np.uint8)
        yield coarse.repeat(8, axis=2).repeat(8, axis=3)[:, :, :height, :width]


def _resized(predictor: TorchPredictor, sample: Sample) -> UInt8[np.ndarray, "1 3 h w"]:
    (resized,) = preprocess(sample, predictor.rule, PLAIN).inputs
    return stack_images([resized.image])


def _keep(part: Path, path: Path, report: str) -> None:
    """Moves the finished file to its path, and writes the comparison."""
    if part.is_dir():
        path.mkdir(exist_ok=True)
        for file in sorted(part.iterdir()):
            file.replace(path / file.name)
        write_atomically(path / "parity.json", report.encode())
        return
    part.replace(path)
    write_atomically(path.with_name(f"{path.name}.parity.json"), report.encode())


def _drop(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    elif part.exists():
        part.unlink()
