"""OpenVINO folders, run by OpenVINO."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from centernet.errors import InputError, UsageError
from centernet.hardware import default_threads, max_concurrent_jobs
from centernet.inference.backends.base import Arrays, ModelMetadata
from centernet.inference.backends.telemetry import without_telemetry
from centernet.io.values import read_json

GRAPH = "model.xml"
"""The graph in the folder; its weights are beside it as `model.bin`."""

METADATA_KEY = "centernet"
"""Key of the metadata in the graph."""


def has_graph(path: Path) -> bool:
    """True for a graph, or a folder with one."""
    return path.suffix.lower() == ".xml" or (path / GRAPH).is_file()


class OpenVinoBackend:
    """An `InferenceBackend` for OpenVINO folders.

    Args:
        graph: The folder, the `.xml` in it, or a graph in memory.
        name: Name of the folder in messages.
        threads: Threads of the runtime, 0 for its own choice; `None`: see `default_threads`.

    Raises:
        UsageError: openvino is not installed.
        InputError: The graph is damaged, or was not written by `centernet export`.
    """

    def __init__(self, graph: Any, name: str = "", threads: int | None = None) -> None:
        try:
            with without_telemetry():
                import openvino
        except ImportError as error:
            raise UsageError(
                'an OpenVINO folder needs openvino: pip install "centernet[openvino]"'
            ) from error
        self.name = name or str(graph)
        self._threads = default_threads() if threads is None else threads
        self.max_concurrency = max_concurrent_jobs(self._threads)
        self._core = openvino.Core()
        self._idle: dict[bool, list[Any]] = {False: [], True: []}
        try:
            if isinstance(graph, str | Path):
                path = Path(graph)
                graph = self._core.read_model(path / GRAPH if path.suffix.lower() != ".xml" else path)
            metadata = (
                graph.get_rt_info([METADATA_KEY]).astype(str) if graph.has_rt_info([METADATA_KEY]) else "{}"
            )
            self._graph = graph
            self._idle[False].append(self._compile(half=False))
        except Exception as error:
            raise InputError(
                f"{self.name} is not a complete OpenVINO graph ({_reason(error)}): copy or export it again"
            ) from error
        self.metadata = ModelMetadata.read(read_json(metadata, self.name), self.name)

    def run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool = False) -> Arrays:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.
            half: Compute in the 16-bit type that the processor is fastest in; else in 32 bits.

        Raises:
            UsageError: A side that the network cannot take.
        """
        self.metadata.check(images, self.name)
        # Each concurrent thread has a compiled model of its own: faster than streams of one.
        try:
            program = self._idle[half].pop()
        except IndexError:
            program = self._compile(half)
        try:
            values = program({"images": images})
            # A copy: the runtime reuses the memory.
            return {name: np.array(values[name]) for name in self.metadata.outputs}
        finally:
            self._idle[half].append(program)

    def _compile(self, half: bool) -> Any:
        settings: dict[str, Any] = {"INFERENCE_NUM_THREADS": self._threads}
        if not half:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        if self.max_concurrency > 1:
            # Otherwise all compiled models stay on the first core.
            settings["ENABLE_CPU_PINNING"] = False
        return self._core.compile_model(self._graph, "CPU", settings)


def _reason(error: Exception) -> str:
    """The last line of an error, which has the reason; those before are places in OpenVINO's code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
