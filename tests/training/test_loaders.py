"""Workers are started where they can be: not in a daemonic process, nor with too little shared memory."""

import multiprocessing
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.exportable import TASKS, predictor_of

from centernet.data import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.io.images import read_image
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.training import loaders

RECIPE = Recipe(imgsz=64, batch=2, workers=1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Six generated images."""
    return open_dataset(write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=6, val=0, size=64))


def num_workers(images: Dataset) -> int:
    """The workers that a training would start."""
    return loaders.training_loader(images, predictor_of(TASKS["detect"], "slim"), RECIPE).num_workers


def test_a_worker_is_waited_for_no_longer_than_the_limit(images: Dataset) -> None:
    loader = loaders.training_loader(images, predictor_of(TASKS["detect"], "slim"), RECIPE)

    assert (loader.num_workers, loader.timeout) == (1, loaders.WORKER_TIMEOUT_S)


def test_a_small_shared_memory_is_named_before_workers_begin(
    images: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loaders, "free_shared_memory", lambda: 50_000)

    assert num_workers(images) == 0
    assert "/dev/shm has 0 MB free" in capsys.readouterr().err


def test_a_folder_for_temporary_files_with_a_long_name_starts_no_workers(
    images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No socket has room for its name there, and what workers send would be lost.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))

    assert num_workers(images) == 0
    assert "set TMPDIR to a shorter one" in capsys.readouterr().err


def _workers_in_a_daemon(folder: Path, results: "multiprocessing.Queue[int]") -> None:
    results.put(num_workers(open_dataset(folder)))


def test_a_daemonic_process_starts_no_workers(tmp_path: Path) -> None:
    folder = write_scenes(tmp_path / "scenes", train=6, val=0, size=64)
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_workers_in_a_daemon, args=(folder, results), daemon=True)
    process.start()

    assert results.get(timeout=120) == 0
    process.join(timeout=60)


def test_a_script_without_a_guard_trains_where_processes_are_spawned(tmp_path: Path) -> None:
    write_scenes(tmp_path / "data", train=4, val=2, size=64)
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "from centernet import CenterNet\n"
        "settings = dict(imgsz=64, epochs=1, repeats=1, batch=2, workers=1, device='cpu', progress=False)\n"
        "CenterNet('nano').train(data='data', project='runs', start='none', **settings)\n"
        "print('trained', multiprocessing.current_process().name)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "trained MainProcess"
    assert done.stdout.count("trained") == 1


@pytest.mark.parametrize(("cache", "is_kept"), [(1.0, True), (6 * 64 * 64 * 3 / 1e9, False), (0.0, False)])
def test_decoded_images_are_kept_where_all_of_them_fit(
    images: Dataset, monkeypatch: pytest.MonkeyPatch, cache: float, is_kept: bool
) -> None:
    reads = []

    def counted(path: Path, size: tuple[int, int] | None) -> object:
        reads.append(path)
        return read_image(path, size)

    monkeypatch.setattr("centernet.data.loading.datasets.read_image", counted)
    recipe = replace(RECIPE, workers=0, cache=cache, mosaic=0.0)
    loader = loaders.training_loader(images, predictor_of(TASKS["detect"], "slim"), recipe)
    for _ in range(2):
        list(loader)

    assert len(reads) == (6 if is_kept else 12)
