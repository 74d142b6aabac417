"""On stderr are the lines of this program; what libraries write past Python, or warn of, is not."""

import io
import os
import subprocess
import sys
import warnings

import pytest

from centernet.cli.streams import own_stderr, own_warnings

NOISY = """
import os, sys, warnings
from dataclasses import replace
from centernet.cli import app, main
from centernet.cli.commands import COMMANDS

def run(given, output):
    os.write(2, b"[W:onnxruntime] noise of C++\\n")
    warnings.warn_explicit("noise of Python", UserWarning, "library.py", 1)
    print("a line of ours", file=sys.stderr)
    raise RuntimeError("\\x1b[31mbroken")

app.COMMANDS["models"] = replace(COMMANDS["models"], run=run)
code = main(["models", *sys.argv[1:]])
os.write(2, b"after it\\n")
sys.exit(code)
"""


def noisy(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", NOISY, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_noise_of_libraries_is_dropped_while_a_command_runs() -> None:
    done = noisy()

    assert done.returncode == 1
    assert done.stderr == (
        "a line of ours\n"
        "centernet: RuntimeError: \\x1b[31mbroken (run again with --debug for the traceback)\n"
        "after it\n"
    )


def test_with_debug_everything_is_shown() -> None:
    done = noisy("--debug")

    assert all(text in done.stderr for text in ("noise of C++", "noise of Python", "Traceback"))


def test_a_stream_that_replaces_stderr_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    with own_stderr():
        assert sys.stderr is stream
        print("text", file=sys.stderr)

    assert stream.getvalue() == "text\n"


def test_warnings_of_this_package_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with own_warnings():
            own = os.path.abspath(sys.modules["centernet"].__file__ or "")  # noqa: PTH100
            warnings.warn_explicit("VOC has no keypoints", UserWarning, own, 1)
            warnings.warn_explicit("deprecated", UserWarning, "torch.py", 1)

    assert capsys.readouterr().err == "VOC has no keypoints\n"
