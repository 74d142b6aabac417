"""Arguments of a command, and how `key=value`, `--key value`, `--key=value` and `--key` are read."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from centernet.errors import UsageError
from centernet.io.paths import expanded
from centernet.recipes.hints import hint_for


@dataclass(frozen=True, kw_only=True)
class ArgumentType:
    """The type of an argument's value.

    Attributes:
        name: Its name in an error: `a whole number`.
        read: Returns the value of a text; raises a `ValueError` if the text holds none.
        is_switch: True if `--key` alone means true.
    """

    name: str
    read: Callable[[str], Any]
    is_switch: bool = False


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One key of a command.

    Attributes:
        name: The key.
        type: Type of its value.
        about: What it does, in a line.
        default: The default as it would be typed; or a placeholder in capitals.
        is_required: True if it must be given.
        group: Heading in the help; empty for the first one.
        alias: Another name of the key, named in `about`; empty for none.
    """

    name: str
    type: ArgumentType
    about: str
    default: str
    is_required: bool = False
    group: str = ""
    alias: str = ""


def read_arguments(command: str, words: Sequence[str], arguments: Sequence[Argument]) -> dict[str, Any]:
    """The given values by key, in the types of their arguments; of a key given twice, the last value.

    Raises:
        UsageError: An unknown key, a value of the wrong type, a word that is neither, a missing key.
    """
    known = {argument.name: argument for argument in arguments}
    known |= {argument.alias: argument for argument in arguments if argument.alias}
    given: dict[str, Any] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        key, mark, text = word.removeprefix("--").partition("=")
        if not mark and not word.startswith("--"):
            raise UsageError(_without_key(word, command, arguments))
        argument = _find(command, key.replace("-", "_"), known)
        if not mark:
            text = _next_value(argument, waiting, known)
        given[argument.name] = _value(argument, text)
    missing = [argument for argument in arguments if argument.is_required and argument.name not in given]
    if missing:
        example = " ".join(f"{argument.name}={argument.default}" for argument in missing)
        raise UsageError(f"{missing[0].name} is missing: centernet {command} ... {example}")
    return given


def _find(command: str, key: str, known: dict[str, Argument]) -> Argument:
    if key not in known:
        hint = hint_for(key, known, command) or f"`centernet {command} --help all` lists its keys"
        raise UsageError(f"unknown key {key!r}: {hint}")
    return known[key]


def _next_value(argument: Argument, waiting: list[str], known: dict[str, Argument]) -> str:
    """The value after `--key`. A switch takes the next word only if that is a value of it."""
    word = waiting[0] if waiting else "--"
    is_key = word.startswith("--") or ("=" in word and word.partition("=")[0] in known)
    if argument.type.is_switch and (is_key or not _fits(argument.type, word)):
        return "true"
    if is_key:
        raise UsageError(f"{argument.name} needs a value: --{argument.name} {argument.default}")
    return waiting.pop(0)


def _fits(type_: ArgumentType, text: str) -> bool:
    try:
        type_.read(text)
    except ValueError:
        return False
    return True


def _value(argument: Argument, text: str) -> Any:
    if not text.strip():
        raise UsageError(f"{argument.name} needs a value: {argument.name}={argument.default}")
    try:
        return argument.type.read(text)
    except ValueError as error:
        raise UsageError(
            f"{argument.name} is {argument.type.name}; got {text!r}: write {argument.name}={argument.default}"
        ) from error


def _without_key(word: str, command: str, arguments: Sequence[Argument]) -> str:
    if any(word == argument.name and argument.type.is_switch for argument in arguments):
        return f"{word!r} stands alone: write --{word} or {word}=true"
    if Path(word).exists():
        names = [argument.name for argument in arguments]
        # Not every command requires one: `train` can resume.
        wanted = next((name for name in ("source", "data") if name in names), "key")
        return (
            f"{word!r} has no key: write {wanted}={word}; "
            "put a pattern in quotes, or the shell makes many words of it"
        )
    return f"{word!r} has no key: write key=value; `centernet {command} --help all` lists the keys"


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
        return _read_text(text)


def _read_text(text: str) -> str:
    """The text; a path with its `~`, which some shells leave in `data=~/x`, replaced by the home folder."""
    return str(expanded(text)) if text.startswith(("~/", "~\\")) or text == "~" else text


TEXT = ArgumentType(name="a text", read=_read_text)
WHOLE = ArgumentType(name="a whole number", read=_read_whole)
NUMBER = ArgumentType(name="a number", read=_read_number)
SWITCH = ArgumentType(name="true or false", read=_read_switch, is_switch=True)
SWITCH_OR_TEXT = ArgumentType(name="true, false or a path", read=_read_switch_or_text, is_switch=True)


def _read_confidence(text: str) -> float | str:
    try:
        return _read_number(text)
    except ValueError:
        if ":" not in text:
            raise
    return text


CONFIDENCE = ArgumentType(name="a number, or one for each class as a:0.2,b:0.4", read=_read_confidence)


def list_of(item: ArgumentType) -> ArgumentType:
    """The type of several values: `90,120` or `[90, 120]`."""

    def read(text: str) -> list[Any]:
        inner = text.strip().removeprefix("[").removesuffix("]")
        return [item.read(part.strip()) for part in inner.split(",") if part.strip()]

    return ArgumentType(name=f"a list, each {item.name}", read=read)


def typed(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(typed, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
