"""Memory that is freed stays with the process."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from centernet.training.allocator import tune_allocator

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(4 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
assert tune_allocator()
faults()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_was_freed_is_used_again() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    given_back, kept = map(int, answer.stdout.split())

    # Twenty blocks, asked for anew each time, and once.
    assert kept < given_back / 4
