"""Kinds of written files, by their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from centernet.inference.backends.base import InferenceBackend
from centernet.inference.backends.onnxruntime import OnnxBackend
from centernet.inference.backends.openvino import GRAPH, OpenVinoBackend
from centernet.inference.backends.torch_export import TorchExportBackend


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of written file.

    Attributes:
        ending: How the names of its files end; a folder may be called otherwise.
        is_folder: Whether it is a folder.
        open: Reads one.
    """

    ending: str
    open: Callable[[Path], InferenceBackend]
    is_folder: bool = False


FORMATS: Mapping[str, Format] = {
    "onnx": Format(ending=".onnx", open=OnnxBackend),
    "openvino": Format(ending="_openvino", open=OpenVinoBackend, is_folder=True),
    "torch": Format(ending=".pt2", open=TorchExportBackend),
}
"""By what is typed as `format`."""


def is_exported(path: str | Path) -> bool:
    """Whether a model is a written file, by its name or by what is in the folder."""
    return _format_of(Path(path)) is not None


def open_backend(path: Path) -> InferenceBackend:
    """A written file, ready to run.

    Raises:
        UsageError: What runs it is not installed.
        InputError: It is no whole file, or none of ours.
    """
    kind = _format_of(path)
    assert kind is not None, path
    return kind.open(path)


def _format_of(path: Path) -> Format | None:
    if path.suffix.lower() == ".xml" or (path / GRAPH).is_file():
        return FORMATS["openvino"]
    return next((kind for kind in FORMATS.values() if path.name.lower().endswith(kind.ending)), None)
