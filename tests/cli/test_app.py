import errno
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from centernet.cli import app, main
from centernet.cli.command import Output
from centernet.cli.commands import COMMANDS
from centernet.errors import InputError, UsageError
from centernet.recipes.recipe import Recipe


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "centernet", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def make_models_do(monkeypatch: pytest.MonkeyPatch, do: Callable[[Output], int]) -> None:
    command = replace(COMMANDS["models"], run=lambda _given, output: do(output))
    monkeypatch.setitem(app.COMMANDS, "models", command)


def make_models_raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(output: Output) -> int:
        raise error

    make_models_do(monkeypatch, fail)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(words)

    assert code == 0
    text = capsys.readouterr().out
    assert all(f"  {command.name} " in text and command.about in text for command in COMMANDS.values())


def test_help_and_version_are_commands_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert COMMANDS["train"].about in capsys.readouterr().out
    assert main(["help", "train"]) == 0
    assert "epochs" in capsys.readouterr().out
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("centernet ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_lists_all_its_keys(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([command, "--help", "all"])

    assert code == 0
    text = capsys.readouterr().out
    assert all(f"  {argument.name}={argument.default}" in text for argument in COMMANDS[command].arguments)
    assert "json=false" in text


def test_help_of_train_lists_every_setting_of_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--help=all"])
    text = capsys.readouterr().out

    assert all(f"\n  {field.name}=" in text for field in fields(Recipe))
    assert "lr_steps=90,120 " in text


@pytest.mark.parametrize("command", ["train", "plan"])
def test_help_shows_the_twelve_keys_that_matter_and_where_the_rest_is(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([command, "--help"])
    text = capsys.readouterr().out
    main([command, "--help", "all"])
    count = len(re.findall(r"^  \w+=", capsys.readouterr().out, re.MULTILINE))

    keys = re.findall(r"^  (\w+)=", text, re.MULTILINE)
    assert len(keys) == 12
    assert keys[:3] == ["data", "model", "minutes"]
    assert "all else is planned" in text
    assert text.splitlines()[-1] == f"`centernet {command} --help all` lists all {count} settings"


def test_an_unknown_key_is_compared_with_all_keys_not_with_those_that_matter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "data=x", "warmup_epoch=3"]) == 2
    assert "did you mean warmup_epochs?" in capsys.readouterr().err


def test_help_of_train_shows_the_defaults_of_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "model=resnet50", "--help", "all"])
    text = capsys.readouterr().out

    assert "backbone=resnet50 " in text
    assert "batch=16 " in text
    assert "of the recipe resnet50." in text


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"], ["models"], ["trian"]])
def test_commands_without_a_network_import_no_torch(words: list[str]) -> None:
    code = f"import sys; from centernet.cli import main; main({words!r}); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)

    assert done.returncode == 0


def test_importing_the_library_imports_no_large_package() -> None:
    code = "import sys, centernet; sys.exit(bool({'torch', 'numpy', 'cv2', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)

    assert done.returncode == 0


def test_the_module_is_the_program() -> None:
    from centernet import __version__

    done = run("--version")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"centernet {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "unknown command 'trian': did you mean train?"),
        (["serve"], "unknown command 'serve': there is no server"),
        (["plot"], "unknown command 'plot': there are demo, plan, train"),
        (["train", "data=x", "class_weights=1"], "unknown key 'class_weights': classes have no weights"),
        (["train", "data=x", "split=val"], "unknown key 'split': training takes the splits called"),
        (["track"], "unknown command 'track': there is no tracking; predict finds"),
        (["evaluate"], "unknown command 'evaluate': the command is val"),
        (["mono3d", "train"], "data"),
        (["train", "data=x", "minutes=0"], "minutes=0 leaves no time to learn"),
        (["frobnicate"], "unknown command 'frobnicate': there are demo, plan, train,"),
        (["data=x"], "the first word is a command, such as centernet train"),
        (["--json"], "the first word is a command"),
        (["train", "data=x", "epoch=3"], "unknown key 'epoch': did you mean epochs?"),
        (["train", "data=x", "--lr0", "3"], "unknown key 'lr0': here it is lr=0.001"),
        (["train", "data=x", "zzz=3"], "unknown key 'zzz': `centernet train --help all` lists its keys"),
        (["train", "data=x", "lr=abc"], "lr is a number; got 'abc': write lr=0.001"),
        (["train", "data=x", "imgsz=100"], "imgsz must be a multiple of 32; got 100: try imgsz=96"),
        (["train"], "data is missing: centernet train data=FOLDER"),
        (["train", "resume", "data=x"], "'resume' stands alone: write --resume or resume=true"),
        (["train", "--resume", "data=x"], "a resumed run keeps its data: leave out data="),
        (["detect", "train", "mode=x"], "unknown key 'mode': did you mean model?"),
        (["predict", "model=x"], "source is missing: centernet predict ... source=images/"),
        (["val", "x"], "'x' has no key: write key=value"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words)

    assert code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"centernet: {message}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("wrong\nway"), 2, "wrong way"),
        (InputError("a.png is broken"), 1, "a.png is broken"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            1,
            "/a/b: Permission denied: choose a folder you may write to",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "No space left on device: make room, or write elsewhere",
        ),
        (
            RuntimeError("first\nsecond"),
            1,
            "RuntimeError: first (run again with --debug for the traceback)",
        ),
        (KeyError(), 1, "KeyError: no message (run again with --debug for the traceback)"),
        (
            MemoryError("Unable to allocate 8 GiB"),
            1,
            "there is not enough memory (Unable to allocate 8 GiB): take a smaller batch, image or model",
        ),
        (
            RecursionError("maximum depth"),
            1,
            "what was given is nested too deep (run again with --debug for the traceback)",
        ),
        (InputError("\x1b[2J\x00.png is broken"), 1, r"\x1b[2J\x00.png is broken"),
        (KeyboardInterrupt(), 130, "stopped"),
        (KeyboardInterrupt("to go on: do"), 130, "stopped; to go on: do"),
    ],
)
def test_every_error_is_one_line_and_its_code(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_models_raise(monkeypatch, error)

    assert main(["models"]) == code
    assert capsys.readouterr().err == f"centernet: {line}\n"


@pytest.mark.parametrize("words", [["models", "--debug"], ["--debug", "models"], ["models", "debug=true"]])
def test_debug_shows_the_traceback(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_models_raise(monkeypatch, InputError("broken"))
    code = main(words)

    assert code == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["models", "--json"], ["--json", "models"], ["models", "json=true"]])
def test_json_is_all_there_is_on_stdout(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chat(output: Output) -> int:
        print("output of a library")
        output.show("for people", {"for": "programs ü"})
        return 0

    make_models_do(monkeypatch, chat)
    main(words)
    printed = capsys.readouterr()

    assert json.loads(printed.out) == {"for": "programs ü"}
    assert printed.err == "output of a library\n"


def test_a_closed_pipe_is_not_an_error_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "centernet", "models"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
def test_a_full_disk_behind_stdout_is_one_line() -> None:
    command = [sys.executable, "-m", "centernet", "models"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "centernet: No space left on device: make room, or write elsewhere\n"


def test_a_terminal_that_knows_only_ascii_does_not_stop_the_program() -> None:
    done = run("trian\u2192", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_what_libraries_log_is_not_printed_and_the_caller_logs_as_before(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def log(_output: Output) -> int:
        logging.getLogger("torch").error("a page of details")
        raise InputError(f"{'x' * 400} is broken")

    make_models_do(monkeypatch, log)
    code = main(["models"])
    printed = capfd.readouterr().err

    assert code == 1
    assert printed.count("\n") == 1
    assert len(printed) == 301
    assert printed.endswith(" is broken\n")
    assert logging.root.manager.disable == logging.NOTSET


def test_results_for_people_show_names_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(output: Output) -> int:
        output.show("\x1b[31mcat\n2 rows", {"name": "\x1b[31mcat"})
        return 0

    make_models_do(monkeypatch, show)

    assert main(["models"]) == 0
    assert capsys.readouterr().out == "\\x1b[31mcat\n2 rows\n"
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "\x1b[31mcat"}
