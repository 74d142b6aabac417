"""Optional columns of a record of objects: one that is not given holds the same value for every object."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

import numpy as np

_FILL = "fill"


def _no_rows(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)


def optional_column(*shape: int, fill: float | bool = np.nan, empty: Callable[..., Any] = _no_rows) -> Any:
    """A dataclass field without rows by default, which `fill_columns` gives one row for each object.

    Args:
        shape: Of one row.
        fill: Value of each number in a row that was not given; NaN where it means "not known".
        empty: Makes the default, an array or a tensor, from its rows, columns, ...
    """
    return field(default_factory=lambda: empty(0, *shape), metadata={_FILL: fill})


def fill_columns(record: Any, full: Callable[..., Any]) -> None:
    """Gives the optional columns of a frozen record that have no rows one row for each of its `boxes`.

    Args:
        record: An instance of a dataclass, in its `__post_init__`.
        full: Makes an array or a tensor from a value and rows, columns, ...
    """
    for item in fields(record):
        column = getattr(record, item.name)
        if _FILL in item.metadata and not len(column):
            shape = (len(record.boxes), *column.shape[1:])
            object.__setattr__(record, item.name, full(item.metadata[_FILL], *shape))


def full_array(value: float, *shape: int) -> np.ndarray:
    """An array of one value, float32."""
    return np.full(shape, value, dtype=np.float32)
