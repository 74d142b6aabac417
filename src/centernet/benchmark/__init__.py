"""How fast, how large and how exact a detector is in every form it can be run in."""

from centernet.benchmark.report import Line, Table
from centernet.benchmark.run import benchmark
from centernet.benchmark.variants import FORMS

__all__ = ["FORMS", "Line", "Table", "benchmark"]
