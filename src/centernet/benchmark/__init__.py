"""Speed, memory, size and AP of a detector with its weights and in every export format."""

from centernet.benchmark.report import BenchmarkReport, BenchmarkRow
from centernet.benchmark.run import benchmark
from centernet.benchmark.variants import VARIANTS

__all__ = ["VARIANTS", "BenchmarkReport", "BenchmarkRow", "benchmark"]
