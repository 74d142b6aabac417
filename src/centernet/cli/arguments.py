"""What a verb takes, and how `key=value`, `--key value`, `--key=value` and `--key` are read."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centernet.errors import UsageError
from centernet.recipes.hints import hint_for


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A sort of value.

    Attributes:
        name: What to call it: `a whole number`.
        read: The value in a text; a `ValueError` where it holds none.
        is_switch: `--key` alone means true.
    """

    name: str
    read: Callable[[str], Any]
    is_switch: bool = False


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One key of a verb.

    Attributes:
        name: The key.
        kind: What its value is.
        about: What it does, in a line.
        default: What holds where it is not given, as it would be typed; or, in capitals, what to put there.
        is_required: It must be given.
        group: Heading under which help shows it.
    """

    name: str
    kind: Kind
    about: str
    default: str
    is_required: bool = False
    group: str = ""


def read_arguments(command: str, words: Sequence[str], arguments: Sequence[Argument]) -> dict[str, Any]:
    """The values that were given, in the types their arguments have; the last of several holds.

    Raises:
        UsageError: An unknown key, a value of another kind, a word that is neither, a missing key.
    """
    known = {argument.name: argument for argument in arguments}
    given: dict[str, Any] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        key, mark, text = word.removeprefix("--").partition("=")
        if not mark and not word.startswith("--"):
            raise UsageError(_stray(word, command, arguments))
        argument = _find(command, key.replace("-", "_"), known)
        if not mark:
            text = _next_value(argument, waiting, known)
        given[argument.name] = _value(argument, text)
    missing = [argument for argument in arguments if argument.is_required and argument.name not in given]
    if missing:
        typed = " ".join(f"{argument.name}={argument.default}" for argument in missing)
        raise UsageError(f"{missing[0].name} is missing: centernet {command} ... {typed}")
    return given


def _find(command: str, key: str, known: dict[str, Argument]) -> Argument:
    if key not in known:
        hint = hint_for(key, known, command) or f"`centernet {command} --help` lists what it takes"
        raise UsageError(f"unknown key {key!r}: {hint}")
    return known[key]


def _next_value(argument: Argument, waiting: list[str], known: dict[str, Argument]) -> str:
    """The value after `--key`. A switch takes the next word only where that word says yes or no."""
    word = waiting[0] if waiting else "--"
    is_key = word.startswith("--") or ("=" in word and word.partition("=")[0] in known)
    if argument.kind.is_switch and (is_key or not _fits(argument.kind, word)):
        return "true"
    if is_key:
        raise UsageError(f"{argument.name} needs a value: --{argument.name} {argument.default}")
    return waiting.pop(0)


def _fits(kind: Kind, text: str) -> bool:
    try:
        kind.read(text)
    except ValueError:
        return False
    return True


def _value(argument: Argument, text: str) -> Any:
    if not text.strip():
        raise UsageError(f"{argument.name} needs a value: {argument.name}={argument.default}")
    try:
        return argument.kind.read(text)
    except ValueError as error:
        raise UsageError(
            f"{argument.name} is {argument.kind.name}; got {text!r}: write {argument.name}={argument.default}"
        ) from error


def _stray(word: str, command: str, arguments: Sequence[Argument]) -> str:
    if any(word == argument.name and argument.kind.is_switch for argument in arguments):
        return f"{word!r} stands alone: write --{word} or {word}=true"
    if Path(word).exists():
        names = [argument.name for argument in arguments]
        # Not every verb must be given one: `train` can resume.
        wanted = next((name for name in ("source", "data") if name in names), "key")
        return (
            f"{word!r} has no key: write {wanted}={word}; "
            "put a pattern in quotes, or the shell makes many words of it"
        )
    return f"{word!r} has no key: write key=value; `centernet {command} --help` lists the keys"


def _read_whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if not value.is_integer():
        raise ValueError(text)
    return int(value)


def _read_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _read_switch(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _read_switch_or_text(text: str) -> bool | str:
    try:
        return _read_switch(text)
    except ValueError:
        return text


TEXT = Kind(name="a text", read=str)
WHOLE = Kind(name="a whole number", read=_read_whole)
NUMBER = Kind(name="a number", read=_read_number)
SWITCH = Kind(name="true or false", read=_read_switch, is_switch=True)
SWITCH_OR_TEXT = Kind(name="true, false or a path", read=_read_switch_or_text, is_switch=True)


def list_of(kind: Kind) -> Kind:
    """Several values: `90,120` or `[90, 120]`."""

    def read(text: str) -> list[Any]:
        inner = text.strip().removeprefix("[").removesuffix("]")
        return [kind.read(part.strip()) for part in inner.split(",") if part.strip()]

    return Kind(name=f"a list, each {kind.name}", read=read)
