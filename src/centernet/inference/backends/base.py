"""The interface of inference backends, and the metadata of exported files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from centernet.errors import InputError, UsageError
from centernet.inference.backends.undeclared import is_scale_dependent, outputs_of, top_k_of
from centernet.inference.config import checked
from centernet.io.values import read_json
from centernet.structures.outputs import OutputSpec

_ENTRIES = frozenset(
    ("centernet", "divisor", "short", "stride", "precision", "outputs", "output_specs", "top_k")
) | {"is_scale_dependent"}

Arrays = dict[str, Float[np.ndarray, "b k *_"]]


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """Metadata of an exported file.

    Attributes:
        config: The `config.json` of the weights.
        divisor: Sides of inputs are multiples of this, less `short`.
        short: Pixels by which the sides of inputs are smaller than a multiple: 0 or 1.
        stride: Input pixels from one cell of the finest map to the next.
        precision: Precision of the network: `fp32`, `fp16` or `int8`.
        outputs: The outputs by name, in their order.
        top_k: Maximum number of detections per image.
        is_scale_dependent: Depth is valid only for images as large as in training.
    """

    config: Mapping[str, Any]
    divisor: int
    short: int
    stride: int
    precision: str
    outputs: Mapping[str, OutputSpec]
    top_k: int
    is_scale_dependent: bool = False

    @classmethod
    def read(cls, entries: Mapping[str, str], name: str) -> "ModelMetadata":
        """Metadata from the entries of a file.

        Raises:
            InputError: The entries are not those of `centernet export`.
        """
        if "centernet" not in entries:
            raise InputError(
                f"{name} was not written by `centernet export`: its metadata has no entry 'centernet'"
            )
        try:
            read = {
                key: read_json(value, f"{name}, {key}") for key, value in entries.items() if key in _ENTRIES
            }
            values = {key: read[key] for key in ("divisor", "short", "stride", "precision")}
            config, names = read["centernet"], read["outputs"]
            if "output_specs" in read:
                values["outputs"] = {one: checked(OutputSpec, read["output_specs"][one]) for one in names}
                values |= {key: read[key] for key in ("top_k", "is_scale_dependent")}
            else:
                values |= {"outputs": outputs_of(names), "top_k": top_k_of(config)}
                values["is_scale_dependent"] = is_scale_dependent(config)
            metadata: ModelMetadata = checked(cls, {"config": config, **values})
            return metadata
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{name}: its metadata is incomplete or of another version ({error}): export it again"
            ) from error

    @property
    def entries(self) -> dict[str, str]:
        """The entries for a file: json by key."""
        return {
            "centernet": json.dumps(self.config),
            "divisor": json.dumps(self.divisor),
            "short": json.dumps(self.short),
            "stride": json.dumps(self.stride),
            "precision": json.dumps(self.precision),
            "outputs": json.dumps(list(self.outputs)),
            "output_specs": json.dumps({name: asdict(spec) for name, spec in self.outputs.items()}),
            "top_k": json.dumps(self.top_k),
            "is_scale_dependent": json.dumps(self.is_scale_dependent),
        }

    def check(self, images: UInt8[np.ndarray, "b 3 h w"], name: str) -> None:
        """Raises a `UsageError` for inputs whose sides the network cannot take."""
        height, width = images.shape[2:]
        if (height + self.short) % self.divisor or (width + self.short) % self.divisor:
            less = f", less {self.short}" * bool(self.short)
            raise UsageError(
                f"{name} takes inputs whose sides are multiples of {self.divisor}{less}; got {width}×{height}"
            )


def refuse_half(half: bool, name: str) -> None:
    """Raises a `UsageError` if `half` is set, for runtimes that cannot choose the precision."""
    if half:
        raise UsageError(
            f"{name}: the precision is fixed at export: export it with half=true, or use the weights"
        )


@runtime_checkable
class InferenceBackend(Protocol):
    """A runtime with a file that `centernet export` wrote: pixels in, named outputs out.

    Attributes:
        name: Name of the file in messages.
        metadata: The metadata in the file.
        max_concurrency: Number of threads that can call `run` at the same time, each on cores of its own.
    """

    name: str
    metadata: ModelMetadata
    max_concurrency: int

    def run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool = False) -> Arrays:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.
            half: Compute in the 16-bit type that the processor is fastest in.

        Raises:
            UsageError: A side that the network cannot take, or `half` if the runtime cannot choose.
        """
        ...
