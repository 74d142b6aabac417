"""Arguments of the commands that run a trained network, derived from `InferenceOptions`."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from centernet.cli.arguments import NUMBER, SWITCH, TEXT, WHOLE, Argument, ArgumentType, list_of, typed
from centernet.inference.options import InferenceOptions

_TYPES: dict[Any, ArgumentType] = {
    bool: SWITCH,
    float: NUMBER,
    str: TEXT,
    int | None: WHOLE,
    float | None: NUMBER,
    str | None: TEXT,
    Sequence[float]: list_of(NUMBER),
}
"""How a value on the command line is read, by the type of the field."""

INFERENCE = tuple(
    Argument(
        name=field.name,
        type=_TYPES[field.type],
        about=field.metadata["about"],
        default=field.metadata["typed"] or typed(field.default),
        group="Inference",
    )
    for field in fields(InferenceOptions)
)
