"""ONNX with the decoding inside: no NMS, no post-processing, sizes left open."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from centernet.errors import UsageError
from centernet.export.graph import DetectionGraph
from centernet.export.simplify import simplify
from centernet.inference.backends.base import ModelMetadata

OPSET = 20
"""The first that samples between pixels in maps of any size, which deformable convolutions need."""


def onnx_model(graph: DetectionGraph, metadata: ModelMetadata) -> Any:
    """The model, an `onnx.ModelProto`.

    It takes `images` `(batch 3 height width)`, uint8 RGB, and gives the task's outputs by name, input pixels.

    Raises:
        UsageError: A package that exporting needs is not installed.
    """
    import torch

    try:
        # The exporter needs them and says so less clearly.
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError('export needs onnx and onnxscript: pip install "centernet[export]"') from error
    with quiet():
        program = torch.onnx.export(
            graph.traced(),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(graph.outputs),
            external_data=False,
            verbose=False,
            optimize=False,
        )
        assert program is not None
        simplify(program.model)
    model = program.model_proto
    for number, name in enumerate(("batch", "", "height", "width")):
        if name:
            model.graph.input[0].type.tensor_type.shape.dim[number].dim_param = name
    add_metadata(model, metadata)
    return model


def add_metadata(model: Any, metadata: ModelMetadata) -> None:
    """Writes what a file says about itself into its metadata."""
    import onnx

    del model.metadata_props[:]
    for key, value in metadata.entries.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))


def save_onnx(model: Any, path: Path) -> None:
    """Writes the file."""
    path.write_bytes(model.SerializeToString())


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters speak of themselves on every channel there is; their errors are exceptions."""
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
