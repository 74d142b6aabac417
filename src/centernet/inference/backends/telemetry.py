"""Runtimes without their reports: ONNX Runtime and OpenVINO would report their use."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

_ONNX, _OPENVINO = "ORT_DISABLE_TELEMETRY", "openvino_telemetry"


@contextmanager
def without_telemetry() -> Iterator[None]:
    """A block in which a runtime is imported: it writes no identity of the machine, and reports nothing.

    A user who has set `ORT_DISABLE_TELEMETRY` or imported `openvino_telemetry` has decided otherwise or the
    same, and keeps that.
    """
    is_ours, module = _ONNX not in os.environ, sys.modules.get(_OPENVINO)
    if is_ours:
        os.environ[_ONNX] = "1"
    if module is None:
        sys.modules[_OPENVINO] = cast("Any", None)
    try:
        yield
    finally:
        if is_ours:
            del os.environ[_ONNX]
        if module is None:
            del sys.modules[_OPENVINO]
