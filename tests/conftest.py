"""Shapes are checked while tests run, one thread a process; real data are found by `CENTERNET_DATA`."""

import gc
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Weights that somebody has downloaded stay out of tests: a training takes what it finds.
os.environ["HF_HUB_CACHE"] = os.environ["TORCH_HOME"] = str(Path(__file__).parent / "no-downloads")
# Nothing of a test is kept for the next one.
os.environ["CENTERNET_CACHE"] = ""

import pytest
from jaxtyping import install_import_hook

install_import_hook("centernet", "beartype.beartype")

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that spin on shared cores make the whole run many times slower."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def few_collections() -> None:
    """Tracing makes millions of small objects, through which Python looks for garbage again and again."""
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Numbers that the original programs printed; `tests/golden/README.md` says how each file was made."""
    return GOLDEN


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CENTERNET_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data sets at {folder}: set CENTERNET_DATA to their folder")
    return folder
