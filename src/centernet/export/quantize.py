"""Quantisation of the network to int8 by NNCF; the decoding stays in floating point."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8

from centernet.errors import UsageError
from centernet.export.quiet import quiet
from centernet.inference.backends.telemetry import without_telemetry

_LAYERS = frozenset(
    {
        *("Conv", "ConvTranspose"),
        *("Convolution", "ConvolutionBackpropData", "GroupConvolution", "GroupConvolutionBackpropData"),
    }
)
"""Operations with weights, of ONNX and of OpenVINO."""

_GATHERING = frozenset({"Gather", "GatherND", "GatherElements"})
"""Operations that read single cells of their first input."""

_READERS = _GATHERING | {"GridSample"}
"""Operations that read their first input at the positions in their second, of both."""

_NO_FEATURES = frozenset({"TopK", "Shape", "ShapeOf"})
"""Operations that give peaks or sizes of their input, of both."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """An operation of a graph, with the names of the operations that compute its inputs."""

    kind: str
    inputs: tuple[str, ...]


def quantized(model: Any, images: Sequence[UInt8[np.ndarray, "b 3 h w"]]) -> Any:
    """The model with its network in int8.

    Args:
        model: An `onnx.ModelProto` or an `openvino.Model`.
        images: Representative inputs, to calibrate the ranges of activations on.

    Raises:
        UsageError: nncf is not installed.
    """
    nncf = _nncf()
    nodes = _onnx_nodes(model) if hasattr(model, "graph") else _openvino_nodes(model)
    with quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(list(images), lambda one: {"images": one}),
            subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=sorted(places_of(nodes) | ends_of(nodes)), validate=False),
        )


def _nncf() -> Any:
    """NNCF without the telemetry package of OpenVINO, which would report its use without consent."""
    try:
        with quiet(), without_telemetry():
            import nncf
    except ImportError as error:
        raise UsageError('int8=true needs nncf: pip install "centernet[openvino]"') from error
    return nncf


def places_of(nodes: dict[str, Node]) -> set[str]:
    """Operations that compute positions, not features: all after the last layers, and indices of reads.

    Int8 has 256 values, no more than a map has columns.
    """
    before_layers = _before(nodes, [name for name, node in nodes.items() if node.kind in _LAYERS])
    places = nodes.keys() - before_layers
    read = [node.inputs[1] for node in nodes.values() if node.kind in _READERS]
    places |= _before(nodes, read, stop=_LAYERS)
    return {name for name in places if nodes[name].kind not in _LAYERS}


def ends_of(nodes: dict[str, Node]) -> set[str]:
    """First and last layers: those that take pixels, and those that give maps.

    They are few of the multiplications, and most of the loss of accuracy in int8.
    """
    layers = {name for name, node in nodes.items() if node.kind in _LAYERS}
    # Heatmaps decide where features are read, but features are not computed from them.
    features = {
        name: replace(node, inputs=node.inputs[:1]) if node.kind in _GATHERING else node
        for name, node in nodes.items()
    }
    before = {
        name: _before(features, list(nodes[name].inputs), stop=_NO_FEATURES) & layers for name in layers
    }
    followed = set().union(*before.values())
    return {name for name in layers if not before[name] or name not in followed}


def _before(nodes: dict[str, Node], ends: list[str], stop: frozenset[str] = frozenset()) -> set[str]:
    """Operations that lead to `ends`, and these themselves; the search stops at kinds in `stop`."""
    found: set[str] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        if name in found or name not in nodes:
            continue
        found.add(name)
        if nodes[name].kind not in stop:
            waiting += nodes[name].inputs
    return found


def _onnx_nodes(model: Any) -> dict[str, Node]:
    maker = {value: node.name for node in model.graph.node for value in node.output}
    return {
        node.name: Node(kind=node.op_type, inputs=tuple(maker.get(value, "") for value in node.input))
        for node in model.graph.node
    }


def _openvino_nodes(model: Any) -> dict[str, Node]:
    return {
        node.get_friendly_name(): Node(
            kind=node.get_type_name(),
            inputs=tuple(value.get_node().get_friendly_name() for value in node.input_values()),
        )
        for node in model.get_ordered_ops()
    }
