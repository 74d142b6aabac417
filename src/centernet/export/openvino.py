"""A folder that OpenVINO runs: the ONNX graph, read and written by it."""

import json
from pathlib import Path
from typing import Any

from centernet.errors import UsageError
from centernet.export.openvino_gather import gather_channels_last
from centernet.inference.backends.base import ModelMetadata
from centernet.inference.backends.openvino import GRAPH, METADATA_KEY


def openvino_model(onnx_model: Any, metadata: ModelMetadata) -> Any:
    """The graph, an `openvino.Model`.

    Raises:
        UsageError: openvino is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise UsageError('format=openvino needs openvino: pip install "centernet[openvino]"') from error
    model = openvino.Core().read_model(onnx_model.SerializeToString())
    gather_channels_last(model)
    model.set_rt_info(json.dumps(metadata.entries), [METADATA_KEY])
    return model


def save_openvino(model: Any, folder: Path) -> None:
    """Writes the graph and its weights, as they are.

    Raises:
        OSError: They cannot be written.
    """
    import openvino

    folder.mkdir(parents=True, exist_ok=True)
    try:
        openvino.save_model(model, folder / GRAPH, compress_to_fp16=False)
    except RuntimeError as error:
        raise OSError(None, str(error).splitlines()[-1]) from error
