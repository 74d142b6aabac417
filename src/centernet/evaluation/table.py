"""Metrics of an evaluation as a table by class and as json."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from centernet.errors import escaped, shown

ClassRow = Mapping[str, str | int | float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Metrics of a data set and of each of its classes, NaN where there is nothing to measure.

    Attributes:
        name: Title: the data set, or the files that were compared.
        metrics: Metrics of the whole data set by name.
        classes: A row for each class: `name`, counts, and metrics; means of them have the same names in
            `metrics`.
        notes: Remarks on the numbers, a line each.
        has_total: True if a row for all classes makes sense; otherwise the rows hold all that `metrics` does.
    """

    name: str
    metrics: Mapping[str, float]
    classes: tuple[ClassRow, ...]
    notes: tuple[str, ...] = ()
    has_total: bool = True

    @property
    def total(self) -> ClassRow:
        """The row for all classes: sums of counts, and the metrics of the whole data set."""
        columns = self.classes[0] if self.classes else {}
        row: dict[str, str | int | float] = {"name": "all"}
        for column, value in columns.items():
            if isinstance(value, int):
                row[column] = sum(int(one[column]) for one in self.classes)
            elif column in self.metrics:
                row[column] = self.metrics[column]
        return row

    @property
    def occurring(self) -> tuple[ClassRow, ...]:
        """The rows of classes that have ground truth or detections."""
        return tuple(
            row for row in self.classes if any(value for value in row.values() if isinstance(value, int))
        )

    def __str__(self) -> str:
        if not self.has_total:
            rows = _rows(list(self.classes[0]), self.classes)
            return escaped("\n".join([self.name, "", *text_table(rows), "", *self.notes]))
        rows = _rows(list(self.total), (*self.occurring, self.total))
        hidden = len(self.classes) - len(self.occurring)
        note = [f"{hidden} classes without ground truth and detections are left out"] if hidden else []
        numbers = [f"{name} {cell(value)}" for name, value in self.metrics.items()]
        lines = [
            self.name,
            "",
            *text_table(rows, has_total=True),
            *note,
            "",
            *_wrapped(numbers, 100),
            *self.notes,
        ]
        return escaped("\n".join(lines))

    def to_json(self) -> dict[str, Any]:
        """The table as plain values for `json.dump`, not rounded; None instead of NaN."""
        return {
            "name": self.name,
            "metrics": {name: json_value(value) for name, value in self.metrics.items()},
            "classes": [{column: json_value(value) for column, value in row.items()} for row in self.classes],
            "notes": list(self.notes),
        }


def cell(value: str | int | float) -> str:
    """Text of a value in a table: floats with three digits, a dash for NaN."""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3f}"
    return shown(str(value))


def json_value(value: str | int | float) -> str | int | float | None:
    """The value for json; None instead of NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _rows(columns: Sequence[str], rows: Sequence[ClassRow]) -> list[list[str]]:
    """Texts of a table: the names of the columns, then the values of each row."""
    return [list(columns), *([cell(row[column]) for column in columns] for row in rows)]


def text_table(rows: Sequence[Sequence[str]], has_total: bool = False) -> list[str]:
    """Lines of a table: the first column left-aligned, others right-aligned, rules round the rows."""
    widths = [max(map(len, values)) for values in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            value.ljust(width) if column == 0 else value.rjust(width)
            for column, (value, width) in enumerate(zip(values, widths, strict=True))
        )
        for values in rows
    ]
    rule = "─" * len(lines[0])
    end = len(lines) - has_total
    return [lines[0], rule, *lines[1:end], rule, *lines[end:]]


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}   {part}".strip()
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines
