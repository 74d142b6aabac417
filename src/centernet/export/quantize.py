"""Eight bits a number in the network, by NNCF; what is decoded stays in floating point."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import UInt8

from centernet.errors import UsageError
from centernet.export.quiet import quiet

_LAYERS = frozenset(
    {
        *("Conv", "ConvTranspose"),
        *("Convolution", "ConvolutionBackpropData", "GroupConvolution", "GroupConvolutionBackpropData"),
    }
)
"""What has weights, in ONNX and in OpenVINO."""

_GATHERING = frozenset({"Gather", "GatherND", "GatherElements"})
"""What takes it as it is, from a cell of it each."""

_READERS = _GATHERING | {"GridSample"}
"""What takes from its first input what lies at the places of its second, in both."""

_NO_FEATURES = frozenset({"TopK", "Shape", "ShapeOf"})
"""What gives peaks and sizes of its input, in both."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operation of a graph, and the names of those that give it its inputs."""

    kind: str
    inputs: tuple[str, ...]


def quantized(model: Any, images: Sequence[UInt8[np.ndarray, "b 3 h w"]]) -> Any:
    """The model with its network in eight bits.

    Args:
        model: An `onnx.ModelProto` or an `openvino.Model`.
        images: What it will see, to measure how large its numbers become.

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
    """NNCF without the package through which it would tell its makers, unasked, that it is used."""
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = cast("Any", None)
    try:
        with quiet():
            import nncf
    except ImportError as error:
        raise UsageError('int8=true needs nncf: pip install "centernet[openvino]"') from error
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
    return nncf


def places_of(nodes: dict[str, Node]) -> set[str]:
    """What computes places rather than features: all after the last layers, and where features are read.

    Eight bits tell 256 places apart, which is no more than a map has columns.
    """
    before_layers = _before(nodes, [name for name, node in nodes.items() if node.kind in _LAYERS])
    places = nodes.keys() - before_layers
    read = [node.inputs[1] for node in nodes.values() if node.kind in _READERS]
    places |= _before(nodes, read, stop=_LAYERS)
    return {name for name in places if nodes[name].kind not in _LAYERS}


def ends_of(nodes: dict[str, Node]) -> set[str]:
    """Layers with none before them, and with none after: what sees pixels, and what gives maps.

    Few of the multiplications, and most of the accuracy that eight bits would cost.
    """
    layers = {name for name, node in nodes.items() if node.kind in _LAYERS}
    # Heatmaps tell where features are read, but no feature is made of them.
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
    """Operations that lead to others, and these themselves; what lies before a kind in `stop` is left out."""
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
