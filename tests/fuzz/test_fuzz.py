"""A few hundred broken inputs end as they should; `python -m tests.fuzz` breaks as many as you like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fuzz.checks import faults

ROOT = Path(__file__).parents[2]
WORDS = ["predict", "model=m", "source=in"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases run in forks")
def test_broken_inputs_of_a_fixed_seed_end_in_a_line_that_names_them(tmp_path: Path) -> None:
    words = ["--inputs", "250", "--seed", "11", "--only", "quick", "--keep", str(tmp_path / "found")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    assert "| all | 250 |" in done.stdout


@pytest.mark.parametrize(
    ("code", "err"),
    [
        (0, ""),
        (1, "skipped in/a.png: cut short\ncenternet: in: no image of it could be read\n"),
        (2, "centernet: unknown key 'sauce': did you mean source?\n"),
    ],
)
def test_an_honest_end_has_no_fault(code: int, err: str) -> None:
    assert faults(WORDS, code, "", err, ["in"]) == []


@pytest.mark.parametrize(
    ("code", "err", "fault"),
    [
        (1, "Traceback (most recent call last):\n", "traceback"),
        (
            1,
            "centernet: KeyError: 'in' (run again with --debug for the traceback)\n",
            "raw exception: KeyError",
        ),
        (1, f"centernet: in/{'n' * 300}\n", "a line of 314 letters"),
        (1, "centernet: in/\x1b[2J is broken\n", r"control characters \['\\x1b'\] in stderr"),
        (1, "centernet: it is broken\n", "a message that names neither file nor key"),
        (1, "", "an error without a message"),
        (139, "centernet: in is broken\n", "not one of the exit codes: 139"),
        (0, "/a/b.py:3: UserWarning: x\n", "a warning"),
    ],
)
def test_every_other_end_has_one(code: int, err: str, fault: str) -> None:
    import re

    found = faults(WORDS, code, "", err, ["in"])

    assert any(re.match(fault, one) for one in found), found


def test_json_with_what_json_has_not_is_a_fault() -> None:
    assert faults([*WORDS, "--json"], 0, '{"a": 1}\n{"b": null}\n', "", ["in"]) == []
    assert faults([*WORDS, "--json"], 0, '{"a": NaN}\n', "", ["in"]) == ["stdout is not json: it holds NaN"]
