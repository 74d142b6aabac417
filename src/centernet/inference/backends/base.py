"""What every written file is, whichever program runs it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from centernet.errors import InputError, UsageError
from centernet.inference.backends.undeclared import is_scale_dependent, outputs_of
from centernet.structures.outputs import OutputSpec

Arrays = dict[str, Float[np.ndarray, "b k *_"]]


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """What a file says about itself.

    Attributes:
        config: What a weights folder's `config.json` says.
        divisor: Sides of inputs are multiples of this.
        short: Or so many pixels less than one.
        stride: Input pixels from one cell of the finest map to the next.
        precision: `fp32`, `fp16` or `int8`: how the network's numbers are kept.
        outputs: The outputs by name, in their order.
        is_scale_dependent: Depth is valid only for images as large as in training.
    """

    config: Mapping[str, Any]
    divisor: int
    short: int
    stride: int
    precision: str
    outputs: Mapping[str, OutputSpec]
    is_scale_dependent: bool = False

    @classmethod
    def read(cls, entries: Mapping[str, str], name: str) -> "ModelMetadata":
        """From the metadata of a file.

        Raises:
            InputError: They are not ours.
        """
        if "centernet" not in entries:
            raise InputError(f"{name} was not written by `centernet export`: its metadata lack 'centernet'")
        try:
            values = {key: json.loads(entries[key]) for key in ("divisor", "short", "stride", "precision")}
            config, names = json.loads(entries["centernet"]), json.loads(entries["outputs"])
            if "output_specs" not in entries:
                return cls(
                    config=config,
                    outputs=outputs_of(names),
                    is_scale_dependent=is_scale_dependent(config),
                    **values,
                )
            specs = json.loads(entries["output_specs"])
            return cls(
                config=config,
                outputs={name: OutputSpec(**specs[name]) for name in names},
                is_scale_dependent=json.loads(entries["is_scale_dependent"]),
                **values,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{name}: its metadata are not whole ({error}), or of another version: export it again"
            ) from error

    @property
    def entries(self) -> dict[str, str]:
        """As they are written into a file."""
        return {
            "centernet": json.dumps(self.config),
            "divisor": json.dumps(self.divisor),
            "short": json.dumps(self.short),
            "stride": json.dumps(self.stride),
            "precision": json.dumps(self.precision),
            "outputs": json.dumps(list(self.outputs)),
            "output_specs": json.dumps({name: asdict(spec) for name, spec in self.outputs.items()}),
            "is_scale_dependent": json.dumps(self.is_scale_dependent),
        }

    def check(self, images: UInt8[np.ndarray, "b 3 h w"], name: str) -> None:
        """Raises a `UsageError` for inputs with a side that the network cannot take."""
        height, width = images.shape[2:]
        if (height + self.short) % self.divisor or (width + self.short) % self.divisor:
            less = f", less {self.short}" * bool(self.short)
            raise UsageError(
                f"{name} takes inputs whose sides are multiples of {self.divisor}{less}; got {height}×{width}"
            )


def refuse_half(half: bool, name: str) -> None:
    """Raises a `UsageError` where 16 bits are asked for."""
    if half:
        raise UsageError(
            f"{name}: half is decided when a file is written: export it with half=true, or use the weights"
        )


@runtime_checkable
class InferenceBackend(Protocol):
    """A detector that `centernet export` wrote: pixels in, named outputs out.

    Attributes:
        name: What to call it in messages.
        metadata: What it says about itself.
        max_concurrency: Runs that have cores of their own when they are made at the same time, by threads.
    """

    name: str
    metadata: ModelMetadata
    max_concurrency: int

    def run(self, images: UInt8[np.ndarray, "b 3 h w"], *, half: bool = False) -> Arrays:
        """Outputs by name, input pixels.

        Args:
            images: RGB, 0 to 255.
            half: Compute in the 16 bits that the processor is fastest in.

        Raises:
            UsageError: A side that the network cannot take, or `half` where the runtime has no such choice.
        """
        ...
