"""The table on scale: rows, what is measured of them, and what is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.scale_evaluation import case
from benchmarks.scaling import Row, Side, families, measured

from benchmarks import scale


def make_row(**more: Any) -> Row:
    side = Side(prepare=lambda size: size, work=lambda size: {"half": size / 2})
    return Row(name="halves", sizes=(10, 20), unit="things", sides={"ours": side, "theirs": side}, **more)


def test_names_of_rows_are_unique_in_their_family_and_sizes_rise() -> None:
    for rows in families().values():
        assert len({row.name for row in rows}) == len(rows)
        assert all(list(row.sizes) == sorted(set(row.sizes)) for row in rows)


def test_memory_above_the_start_and_the_numbers_of_the_work_are_measured() -> None:
    def work(size: int) -> dict[str, float]:
        return {"sum": float(np.ones(size << 17).sum())}

    found = measured(Side(prepare=lambda size: size, work=work), 40)

    assert found["sum"] == 40 << 17
    assert 35 < found["peak_mb"] < 80
    assert 0 < found["cpu_s"] <= found["wall_s"] * 2


def test_sides_that_return_other_numbers_end_the_program() -> None:
    scale.check_agreement(make_row(), {"ours": {"cpu_s": 1, "AP": 0.5}, "theirs": {"cpu_s": 9, "AP": 0.5}})

    with pytest.raises(SystemExit, match="halves: AP is"):
        scale.check_agreement(make_row(), {"ours": {"AP": 0.5}, "theirs": {"AP": 0.6}})


def test_a_table_says_which_limits_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_row(limits={"cpu_s": 1, "peak_mb": 5})
    monkeypatch.setattr(scale, "families", lambda: {"halves": (row,)})
    numbers = {"cpu_s": 2.0, "wall_s": 2.0, "peak_mb": 3.0}
    scale.add(tmp_path / "table.json", "halves", row, 10, {"ours": numbers})
    scale.add(tmp_path / "table.json", "halves", row, 20, {"ours": numbers})
    scale.add(tmp_path / "table.json", "halves", row, 20, {"theirs": numbers})

    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [(one["size"], list(one["sides"])) for one in rows] == [(10, ["ours"]), (20, ["ours", "theirs"])]
    text = (tmp_path / "table.md").read_text()
    assert text.count("cpu_s ≤ 1: **missed**, peak_mb ≤ 5") == 1


def test_unknown_rows_are_answered_with_those_that_exist() -> None:
    with pytest.raises(SystemExit, match="evaluation/80 classes"):
        scale.chosen(["evaluation/81 classes"])


def test_the_images_of_evaluation_have_crowds_and_equal_scores() -> None:
    dataset, found = case(20, 5)

    assert len(dataset) == len(found) == 20
    assert any(len(np.unique(one.scores)) < len(one) for one in found)
    assert {len(one) for one in found} == {100}
