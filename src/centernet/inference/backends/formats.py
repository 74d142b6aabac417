"""Exported files and the backends that run them. To add a backend, add its module and a line to `FORMATS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from centernet.inference.backends.base import InferenceBackend
from centernet.inference.backends.onnxruntime import OnnxBackend
from centernet.inference.backends.openvino import OpenVinoBackend, has_graph
from centernet.inference.backends.torch_export import TorchExportBackend, refuse_foreign


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of exported files.

    Attributes:
        ending: End of the file name.
        open: The backend that runs a file.
        is_folder: True if it is a folder.
        has_content: True for a path that is of this format whatever its name.
        refuse_foreign: Raises the error for a file that is not trusted; None if opening runs nothing.
    """

    ending: str
    open: Callable[[Path], InferenceBackend]
    is_folder: bool = False
    has_content: Callable[[Path], bool] | None = None
    refuse_foreign: Callable[[Path], None] | None = None


FORMATS: Mapping[str, Format] = {
    "onnx": Format(ending=".onnx", open=OnnxBackend),
    "openvino": Format(ending="_openvino", open=OpenVinoBackend, is_folder=True, has_content=has_graph),
    "torch": Format(ending=".pt2", open=TorchExportBackend, refuse_foreign=refuse_foreign),
}
"""Formats by what is typed as `format`."""


def is_exported(path: str | Path) -> bool:
    """True if a model is an exported file, by its name or by the content of the folder."""
    return _format_of(Path(path)) is not None


def open_backend(path: Path, *, trust: bool = False) -> InferenceBackend:
    """An exported file, ready to run.

    Args:
        path: The file.
        trust: Open a `.pt2` program, of which torch evaluates expressions.

    Raises:
        UsageError: The runtime is not installed, or the file is a program and `trust` is not set.
        InputError: The file is damaged, or was not written by `centernet export`.
    """
    of_path = _format_of(path)
    assert of_path is not None, path
    if of_path.refuse_foreign is not None and not trust:
        of_path.refuse_foreign(path)
    return of_path.open(path)


def _format_of(path: Path) -> Format | None:
    for candidate in FORMATS.values():
        if candidate.has_content is not None and candidate.has_content(path):
            return candidate
    return next((one for one in FORMATS.values() if path.name.lower().endswith(one.ending)), None)
