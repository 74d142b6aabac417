"""How fast, how large and how exact a detector is in every form it can be run in."""

from centernet.benchmark.report import BenchmarkReport, BenchmarkRow
from centernet.benchmark.run import benchmark
from centernet.benchmark.variants import VARIANTS

__all__ = ["VARIANTS", "BenchmarkReport", "BenchmarkRow", "benchmark"]
