"""The comparison with YOLO11n measures what its table lacks, and tabulates all it has."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from benchmarks.plain import add_row, as_markdown, key, measure, on_core, our_settings, rows_of, runs, score
from benchmarks.yolo11n import Budget

from benchmarks import plain, yolo11n
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.errors import InputError


def row_of(**changes: Any) -> dict[str, Any]:
    return {
        "set": "cells",
        "name": "ours",
        "minutes": 5,
        "seed": 0,
        "options": "",
        "isa": "AVX2",
        "AP": 0.5,
        "AP50": 0.75,
        "AP75": 0.625,
        "cpu_seconds": 310.0,
        "wall_seconds": 320.0,
        "images_seen": 2000,
        "commit": "0b28fc4",
        "processor": "AMD EPYC",
        "torch": "2.15.0",
        **changes,
    }


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    return argparse.Namespace(
        data=[tmp_path / "cells", tmp_path / "cards"],
        minutes=[5.0],
        seeds=[0, 1],
        rows=["ours", "yolo11n-b4"],
        ours=[],
        yolo_python=Path(sys.executable),
        results=tmp_path / "results" / "plain.json",
        again=False,
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Keys of the rows that were trained, which takes no time here."""
    keys: list[tuple[Any, ...]] = []

    def train(_data: Path, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        keys.append(key(row))
        results = row_of()
        return {name: results[name] for name in results if name not in row}

    monkeypatch.setattr(plain, "train", train)
    return keys


def test_a_second_run_measures_only_what_is_missing(
    options: argparse.Namespace, trained: list[tuple[Any, ...]]
) -> None:
    measure(options, [0])
    assert len(trained) == 8

    options.seeds = [0, 1, 2]
    measure(options, [0])

    assert len(trained) == len(set(trained)) == 12
    assert len(rows_of(options.results)) == 12


def test_other_settings_and_instruction_sets_are_other_rows(
    options: argparse.Namespace, trained: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(options, [0])
    options.ours = ["lr=0.002"]
    measure(options, [0])
    assert len(trained) == 8 + 4  # YOLO11n has no such settings.

    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "")
    measure(options, [0])

    assert len(rows_of(options.results)) == 12 + 8


def test_rows_are_replaced_if_measured_again(
    options: argparse.Namespace, trained: list[tuple[Any, ...]]
) -> None:
    measure(options, [0])
    options.again = True
    measure(options, [0])

    assert len(trained) == 16
    assert len(rows_of(options.results)) == 8


def test_rows_before_a_failed_training_are_kept(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(_data: Path, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        if row["set"] == "cards":
            raise RuntimeError("out of memory")
        return {name: value for name, value in row_of().items() if name not in row}

    monkeypatch.setattr(plain, "train", train)
    with pytest.raises(RuntimeError, match="out of memory"):
        measure(options, [0])

    assert [row["set"] for row in rows_of(options.results)] == ["cells", "cells"]


def test_all_programs_have_their_first_seed_before_any_has_its_second(options: argparse.Namespace) -> None:
    rows = [row for _, row in runs(options)]

    assert [row["seed"] for row in rows] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert {row["set"] for row in rows[:4]} == {"cells", "cards"}


def test_the_command_of_ours_names_data_and_time_alone() -> None:
    ours = our_settings(Path("cells"), row_of())
    scratch = our_settings(Path("cells"), row_of(name="ours-scratch", options="batch=4 start="))

    assert ours == {"data": Path("cells"), "minutes": 5, "seed": 0, "device": "cpu", "workers": 0}
    assert scratch == {**ours, "pretrained": "false", "start": "", "batch": "4"}


def test_a_line_has_mean_and_spread_over_seeds_and_the_last_the_mean_over_sets() -> None:
    rows = [
        row_of(seed=0, AP=0.25),
        row_of(seed=1, AP=0.75),
        row_of(name="yolo11n-b4", AP=0.125),
        row_of(set="cards", AP=0.0),
        row_of(set="cards", name="yolo11n-b4", AP=0.375),
    ]
    table = as_markdown(rows)

    assert "## 5 minutes, no more than AVX2" in table
    assert "| AP | ours | yolo11n-b4 |" in table
    assert "| cells | 0.500 ± 0.354 | 0.125 |" in table
    assert "| mean | 0.250 | 0.250 |" in table
    assert "| cells, ours | 2 | 310 | 320 | 2000 |" in table


def test_the_mean_is_over_the_sets_that_every_program_has() -> None:
    columns = [row_of(set=name) for name in ("cards", "cells")]
    rows = [*columns, *(row_of(set=name, name="yolo11n-b4") for name in ("cards", "cells", "trees"))]

    assert "| trees |  | 0.500 |" in as_markdown(rows)
    assert "| mean of cards, cells | 0.500 | 0.500 |" in as_markdown(rows)


def test_tables_of_budgets_and_settings_are_apart(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    for row in (row_of(minutes=5), row_of(minutes=15), row_of(minutes=15, options="lr=0.002")):
        add_row(path, row)
    table = path.with_suffix(".md").read_text()

    assert table.index("## 15 minutes") < table.index("## 5 minutes")
    assert "| AP | ours | ours lr=0.002 |" in table
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["plain.json", "plain.md"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system holds no program to a core")
def test_a_program_runs_on_one_core_with_one_thread() -> None:
    core = plain.free_cores()[0]
    code = (
        "import json, os, time; time.sleep(0.2); "
        "print(json.dumps([sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS']]))"
    )
    used, output = on_core([sys.executable, "-c", code], core)

    assert json.loads(output) == [[core], "1"]
    assert used["wall_seconds"] >= 0.2
    assert used["cpu_seconds"] < 5


def test_ground_truth_as_detections_of_the_other_program_scores_one(tmp_path: Path) -> None:
    write_scenes(tmp_path, train=2, val=2, size=64, seed=0)
    dataset = open_dataset(tmp_path, "val")
    found: dict[str, dict[str, Any]] = {
        record.path.name: {
            "boxes": record.annotations.boxes.tolist(),
            "scores": np.ones(len(record.annotations.boxes)).tolist(),
            "labels": record.annotations.labels.tolist(),
            "size": [64, 64],
        }
        for record in dataset.records
    }
    assert score(tmp_path, found)["AP"] == pytest.approx(1.0)

    next(iter(found.values()))["size"] = [64, 32]
    with pytest.raises(InputError, match="has sides \\[64, 32\\] for YOLO11n"):
        score(tmp_path, found)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds of processor time pass."""
    now = [100.0]
    monkeypatch.setattr(yolo11n.time, "process_time", lambda: now[0])

    def spend(seconds: float) -> None:
        now[0] += seconds

    return spend


def test_epochs_of_yolo11n_fit_the_processor_time_that_is_left(clock: Callable[[float], None]) -> None:
    budget = Budget(100.0)
    trainer = SimpleNamespace(
        epoch=-1,
        epochs=7,
        stop=False,
        args=SimpleNamespace(epochs=7),
        scheduler=SimpleNamespace(last_epoch=0),
        _setup_scheduler=lambda: None,
    )
    # The first epoch takes 12 and 2 s for validation, those after it 8 and 1; 1 s is for the last evaluation.
    for training, validation, epochs in ((12.0, 2.0, 7), (8.0, 1.0, 10), (8.0, 1.0, 10)):
        trainer.epoch += 1
        budget.on_train_epoch_start(trainer)
        clock(training)
        budget.on_train_epoch_end(trainer)
        clock(validation)
        budget.on_fit_epoch_end(trainer)

        # After one: 84 s left of 14 s each. After two: 76 s of 9 s each. After three: 67 s.
        assert trainer.epochs == trainer.args.epochs == epochs
        assert trainer.scheduler.last_epoch == trainer.epoch

    budget.on_fit_epoch_end(trainer)
    assert trainer.epochs == 10
    assert budget.training == 28.0
