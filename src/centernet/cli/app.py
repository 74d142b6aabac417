"""From the words of a command line to an exit code.

0: done. 1: the input is broken, or the command failed. 2: the call itself is wrong. 130: stopped by Ctrl-C.
141: the reader of the output went away. 143: stopped by SIGTERM.
"""

import errno
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import replace
from io import TextIOWrapper
from typing import Any

from centernet.cli.arguments import Argument, read_arguments
from centernet.cli.command import COMMON, Command, Output
from centernet.cli.commands import COMMANDS
from centernet.cli.help import overview, page
from centernet.cli.signals import EndSignals
from centernet.cli.streams import own_stderr, own_warnings
from centernet.cli.train import TRAIN, settings_of
from centernet.errors import InputError, UsageError
from centernet.io.messages import say
from centernet.recipes.hints import did_you_mean
from centernet.recipes.presets import RECIPES
from centernet.weights import zoo

_HELP = frozenset(("--help", "-h"))
_TASKS = ("detect", "pose", "mono3d", "triplet")
_NO_SERVER = "there is no server: CenterNet(model).predict(image) in Python, or centernet export"
_COMMANDS_ELSEWHERE = {
    "autosplit": "the command is split: centernet split data=FOLDER val=0.2",
    "deploy": _NO_SERVER,
    "eval": "the command is val",
    "evaluate": "the command is val",
    "fit": "the command is train",
    "detect": "the command is predict",
    "infer": "the command is predict",
    "inference": "the command is predict",
    "info": "centernet models lists recipes and weights",
    "list": "centernet models lists recipes and weights",
    "resume": "the command is train resume=FOLDER",
    "serve": _NO_SERVER,
    "server": _NO_SERVER,
    "test": "val evaluates on split=test",
    "tune": "there is no search for settings; centernet plan shows what train would choose, and why",
    "validate": "the command is val",
    "view": "centernet preview draws the images of a data set, centernet predict those with detections",
    "track": "there is no tracking; predict finds the objects in each frame of a video",
}
_FRONT = frozenset(("--json", "--debug"))


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command line, and returns the exit code.

    Args:
        words: The words after the program's name; None for those of the process.
    """
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A character that the terminal cannot print must not stop the command.
            stream.reconfigure(errors="replace")
    is_debug = "--debug" in words or "debug=true" in words
    # The processes of a run on several devices inherit stderr, and have no other way to tell why they ended.
    are_many = any(word.removeprefix("--").startswith("devices") for word in words)
    with (
        nullcontext() if is_debug or are_many else own_stderr(),
        nullcontext() if is_debug else own_warnings(),
    ):
        return _ended(words, is_debug)


def _ended(words: list[str], is_debug: bool) -> int:
    """The exit code, after a line about the error if there was one."""
    # What libraries log repeats the errors that they raise, which are printed in one line.
    logged = logging.root.manager.disable
    if not is_debug:
        logging.disable(logging.CRITICAL)
    signals = EndSignals()
    try:
        with signals:
            code = _run(words)
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        code, message = _explain(error, signals)
        if is_debug:
            traceback.print_exception(error)
        if message:
            say(f"centernet: {message}")
        _drop_unwritten()
    finally:
        logging.disable(logged)
    return code


def _run(words: list[str]) -> int:
    words = [part for word in words for part in (["--help", "all"] if word == "--help=all" else [word])]
    if words and words[0] == "help":
        words = [*words[1:], "--help"]
    if not words or words[0] in _HELP:
        print(overview(COMMANDS.values()))
        return 0
    if words[0] in ("--version", "version"):
        from centernet import __version__

        print(f"centernet {__version__}")
        return 0
    front = [word for word in words if word in _FRONT]
    words = [word for word in words if word not in _FRONT]
    if len(words) > 1 and words[0] in _TASKS and words[1] in COMMANDS:
        # The name of the task comes first in other programs; here only `train` uses it.
        words = [*words[1:], *[f"task={words[0]}"] * (words[1] == "train")]
    command = _command(words[0] if words else "")
    rest = words[1:]
    if _HELP & set(rest):
        others = [word for word in rest if word not in _HELP]
        print(page(_with_defaults(command, others), everything="all" in others))
        return 0
    given = read_arguments(command.name, [*rest, *front], (*command.arguments, *COMMON))
    return _execute(command, given)


def _command(word: str) -> Command:
    if word in COMMANDS:
        return COMMANDS[word]
    if not word or "=" in word or word.startswith("-"):
        raise UsageError(f"the first word is a command, such as centernet train ...: {', '.join(COMMANDS)}")
    hint = _COMMANDS_ELSEWHERE.get(word) or did_you_mean(word, COMMANDS) or f"there are {', '.join(COMMANDS)}"
    raise UsageError(f"unknown command {word!r}: {hint}")


def _with_defaults(command: Command, words: list[str]) -> Command:
    """The command with the defaults of the recipe: `train model=resnet18 --help` lists those of resnet18."""
    names = [word.removeprefix("--").removeprefix("model=") for word in words if "model=" in word]
    recipe = RECIPES.get(names[-1]) if names else None
    if command is not TRAIN or recipe is None or names[-1] in zoo.names():
        return command
    settings: dict[str, Argument] = {argument.name: argument for argument in settings_of(recipe())}
    arguments = tuple(settings.get(argument.name, argument) for argument in command.arguments)
    return replace(command, arguments=arguments, details=f"Defaults are those of the recipe {names[-1]}.")


def _execute(command: Command, given: dict[str, Any]) -> int:
    given.pop("debug", None)
    is_json = given.pop("json", False)
    output = Output(is_json=is_json, stream=sys.stdout)
    if not is_json:
        return command.run(given, output)
    # Output of libraries would spoil the JSON.
    with redirect_stdout(sys.stderr):
        return command.run(given, output)


def _explain(error: BaseException, signals: EndSignals) -> tuple[int, str]:
    """Exit code and one-line message of an error."""
    text = " ".join(str(error).split())
    if signals.received:
        # A worker process that got the signal too may have been noticed first.
        more = f"; {text}" if text and isinstance(error, KeyboardInterrupt) else ""
        return 128 + signals.received, f"stopped by {signals.name}{more}"
    if isinstance(error, UsageError):
        return 2, text
    if isinstance(error, InputError):
        return 1, text
    if isinstance(error, KeyboardInterrupt):
        return 130, f"stopped; {text}" if text else "stopped"
    if isinstance(error, BrokenPipeError):
        return 141, ""
    if isinstance(error, OSError):
        return 1, _explain_system(error)
    if isinstance(error, ModuleNotFoundError):
        return 1, f"this needs {error.name}, which is not installed: pip install centernet"
    if isinstance(error, MemoryError):
        return 1, f"there is not enough memory ({text or 'none left'}): take a smaller batch, image or model"
    if isinstance(error, RecursionError):
        return 1, "what was given is nested too deep (run again with --debug for the traceback)"
    # The first line is the message; torch adds pages.
    first = str(error).strip().partition("\n")[0] or "no message"
    return 1, f"{type(error).__name__}: {first} (run again with --debug for the traceback)"


def _explain_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    hints = {
        errno.ENOSPC: ": make room, or write elsewhere",
        errno.EACCES: ": choose a folder you may write to",
        errno.EROFS: ": choose a folder that can be written to",
    }
    return f"{where}{error.strerror or error}{hints.get(error.errno or 0, '')}"


def _drop_unwritten() -> None:
    """Drops output that cannot be written: Python would try again when it ends, and fail again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
