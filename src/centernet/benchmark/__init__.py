"""How fast, how large and how exact a detector is in every form it can be run in."""

from centernet.benchmark.forms import FORMS
from centernet.benchmark.race import benchmark
from centernet.benchmark.table import Line, Table

__all__ = ["FORMS", "Line", "Table", "benchmark"]
