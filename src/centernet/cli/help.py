"""Text of `--help`."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence

from centernet.cli.arguments import Argument
from centernet.cli.command import COMMON, Command


def overview(commands: Iterable[Command]) -> str:
    """Help of the program."""
    commands = list(commands)
    width = max(len(command.name) for command in commands)
    return "\n".join(
        [
            "centernet: object detection by points",
            "",
            "usage: centernet COMMAND key=value ...     (--key value and --key=value work as well)",
            "",
            *(f"  {command.name:{width}}  {command.about}" for command in commands),
            "",
            "centernet COMMAND --help lists the keys of a command; centernet --version prints the version.",
            "",
            *_examples([example for command in commands for example in command.examples[:1]][:4]),
        ]
    )


def page(command: Command, *, everything: bool = False) -> str:
    """Help of a command.

    Args:
        command: The command.
        everything: List all keys by their headings, also where the command has main keys.
    """
    arguments = command.arguments
    required = [f"{one.name}={one.default}" for one in arguments if one.is_required]
    lines = [
        f"centernet {command.name}: {command.about}",
        "",
        " ".join(["usage: centernet", command.name, *required, "[key=value ...]"]),
        "",
        *_examples(command.examples),
    ]
    if command.details:
        lines += ["", *textwrap.wrap(command.details, _width())]
    if command.main_keys and not everything:
        return "\n".join([*lines, *_main_keys(command)])
    listed = [*arguments, *COMMON]
    for group in dict.fromkeys(argument.group for argument in listed):
        lines += ["", f"{group or 'Keys'}:"]
        lines += [line for one in listed if one.group == group for line in _lines_of(one)]
    return "\n".join(lines)


def _main_keys(command: Command) -> list[str]:
    by_name = {argument.name: argument for argument in command.arguments}
    count = len({*by_name, *(argument.name for argument in COMMON)})
    return [
        "",
        "Keys that matter; all else is planned:",
        *(line for name in command.main_keys for line in _lines_of(by_name[name])),
        "",
        f"`centernet {command.name} --help all` lists all {count} settings",
    ]


def _examples(examples: Sequence[str]) -> list[str]:
    return ["examples:" if len(examples) > 1 else "example:", *(f"  {example}" for example in examples)]


def _lines_of(argument: Argument) -> list[str]:
    key = f"{argument.name}={argument.default}"
    about = argument.about + " (required)" * argument.is_required
    indent = " " * 30
    text = textwrap.wrap(about, _width(), initial_indent=indent, subsequent_indent=indent)
    head = f"  {key}"
    return [head, *text] if len(head) > 28 else [head.ljust(30) + text[0].lstrip(), *text[1:]]


def _width() -> int:
    return max(60, min(100, shutil.get_terminal_size().columns))
