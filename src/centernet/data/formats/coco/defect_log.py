"""Defects of a COCO file, and its ids as whole numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from centernet.structures import Defect


@dataclass(frozen=True)
class DefectLog:
    """The defects of one file, in the order they were found, and properties that are no defects."""

    file: str
    found: list[Defect] = field(default_factory=list)
    notes: list[Defect] = field(default_factory=list)

    def add(self, kind: str, place: str, message: str, action: str = "left out") -> None:
        """Add a defect at a place of the file."""
        self.found.append(Defect(kind=kind, where=f"{self.file}, {place}", message=message, action=action))

    def note(self, kind: str, message: str, action: str) -> None:
        """Add a property of the whole file that is no defect."""
        self.notes.append(Defect(kind=kind, where=self.file, message=message, action=action))


def whole_number(value: object) -> int | None:
    """The value of a field as a whole number, also if written as 1.0, "1" or "1.0"; None if it is not one."""
    if type(value) is int:  # As nearly all of millions are.
        return value if abs(value) < 2**63 else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) < 19:
        digits = value.strip().removesuffix(".0")
        return int(digits) if digits.isdecimal() else None
    if isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) < 2**63 else None
    return None


Numbers = tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]
"""Whole numbers, and which of them are there; the others are 0."""


def whole_numbers(values: Sequence[Any]) -> Numbers:
    """The values of a field as whole numbers, as `whole_number` reads each."""
    return _collected(values, whole_number)


def number_of(value: object) -> int | float | None:
    """The value of a field as a number, also if written as "1.5"; None if it is not one."""
    # `type` because True is an int too.
    if type(value) is int or type(value) is float:
        return value
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


class Ids:
    """The whole numbers of the ids in a list of a file.

    Texts that are no numbers, `"6f1c-77"`, get the numbers after the largest one, in the order they come.

    Args:
        values: The ids as the file has them.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        values = list(values)
        numbers, is_number = whole_numbers(values)
        largest = int(numbers[is_number].max()) if is_number.any() else 0
        texts = dict.fromkeys(
            value
            for value, is_known in zip(values, is_number.tolist(), strict=True)
            if not is_known and isinstance(value, str) and value
        )
        self.texts: dict[str, int] = {text: number for number, text in enumerate(texts, start=largest + 1)}

    def number(self, value: Any) -> int | None:
        """The number of an id, also of an equal one in another list; None if it is none."""
        number = whole_number(value)
        return self.texts.get(value) if number is None and isinstance(value, str) else number

    def numbers(self, values: Sequence[Any]) -> Numbers:
        """The numbers of many ids, as `number` gives each."""
        return _collected(values, self.number)


def _collected(values: Sequence[Any], number_of: Any) -> Numbers:
    if set(map(type, values)) <= {int}:  # As in nearly all files.
        try:
            numbers = np.array(values, dtype=np.int64)
            return numbers, numbers > np.iinfo(np.int64).min
        except OverflowError:
            pass
    found = [number_of(value) for value in values]
    is_number = np.array([number is not None for number in found], dtype=bool)
    return np.array([number or 0 for number in found], dtype=np.int64), is_number
