"""Writes `api.md`, the page of the public Python API, from the docstrings: `python docs/api.py`."""

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("api.md")

PUBLIC = {
    "centernet": "",
    "centernet.data": "Reading data sets.",
    "centernet.data.formats.coco": "Writing COCO; `voc`, `yolo` and `kitti` have the same `write`.",
    "centernet.data.synthetic": "Generated data sets: shapes, stick figures, roads.",
    "centernet.structures": "Records of plain arrays: images with their annotations, data sets, classes.",
    "centernet.evaluation": "Metrics of detections, of this or any other program.",
    "centernet.weights": "Weights in files.",
    "centernet.export": "Exported files.",
    "centernet.conversion": "Checkpoints of the original programs.",
    "centernet.benchmark": "Speed, memory, size and AP of exported files.",
    "centernet.protocols": "Interfaces of your own backbone or task.",
}
"""Modules whose names are public, with a line about each; their names are those in `__all__`."""

ONLY = {
    "centernet.data.formats.coco": ("write",),
    "centernet.protocols": ("Backbone", "HeadSpec", "OutputSpec", "PointMap", "Stem", "Task", "with_fields"),
}
"""Names of a module that are documented, where others are for the library itself."""

HEAD = """# Python API

Generated from the docstrings by `python docs/api.py`. The names on this page are public, as are their
arguments and attributes. Everything else can be imported at your own risk: it may move or change in any
version.
"""

_SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example")


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for module, about in PUBLIC.items():
        parts += [f"## `{module}`", *([about] if about else [])]
        for name in _names(module):
            parts += _entry(name, getattr(import_module(module), name))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _names(module: str) -> list[str]:
    """Documented names of a module: classes first, then functions; constants have no docstrings."""
    names = ONLY.get(module) or import_module(module).__all__
    documented = [name for name in names if callable(getattr(import_module(module), name))]
    return sorted(documented, key=lambda name: (not name[0].isupper(), name))


def _entry(name: str, item: Any) -> Iterator[str]:
    """Heading, signature and docstring of a class or function, and the same of the members of a class."""
    yield f"### `{name}`"
    if not inspect.isclass(item):
        yield _code(f"{name}{_signature(item)}")
    elif issubclass(item, Exception):
        yield _code(f"class {name}({item.__bases__[0].__name__})")
    elif "__init__" in vars(item) and not dataclasses.is_dataclass(item) and not _is_protocol(item):
        yield _code(f"{name}{_signature(item.__init__)}")
    yield _markdown(inspect.getdoc(item) or "")
    if inspect.isclass(item) and not issubclass(item, Exception):
        for member, value in vars(item).items():
            if not member.startswith("_"):
                yield from _member(name, member, value)


def _is_protocol(item: type) -> bool:
    return bool(getattr(item, "_is_protocol", False))


def _member(owner: str, name: str, value: Any) -> Iterator[str]:
    """Heading, signature and docstring of a method or property."""
    if isinstance(value, (property, functools.cached_property)):
        function: Any = value.fget if isinstance(value, property) else value.func
        yield f"#### `{owner}.{name}`"
    elif inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod)):
        function = inspect.unwrap(getattr(value, "__func__", value))
        yield f"#### `{owner}.{name}()`"
        yield _code(f"{name}{_signature(function)}")
    else:
        return
    yield _markdown(inspect.getdoc(function) or "")


def _signature(function: Any) -> str:
    """The signature as in the source: evaluated annotations of array shapes are hard to read."""
    node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    assert isinstance(node, ast.FunctionDef)
    arguments = node.args
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    returns = f" -> {_source(node.returns)}" if node.returns and node.name != "__init__" else ""
    text = f"({_source(arguments)}){returns}"
    if len(text) < 80:
        return text
    # One argument a line; commas inside brackets belong to types and defaults.
    pieces = [_source(piece) for piece in _single(arguments)]
    return "(\n" + "".join(f"    {piece},\n" for piece in pieces) + f"){returns}"


def _source(node: ast.AST) -> str:
    """Source of a part of a signature, with annotations unquoted and spaces around their defaults."""
    text = re.sub(r"(: |-> |^)'([^']*)'", r"\1\2", ast.unparse(node))
    return re.sub(r"(\w+: [^=,]*(?:\[[^\]]*\][^=,]*)?)=", r"\1 = ", text)


def _single(arguments: ast.arguments) -> Iterator[ast.arguments]:
    """Each argument as a list of its own, with its default."""
    empty: dict[str, Any] = {
        "posonlyargs": [],
        "args": [],
        "kwonlyargs": [],
        "kw_defaults": [],
        "defaults": [],
    }
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    for argument, default in zip(positional, defaults, strict=True):
        yield ast.arguments(**{**empty, "args": [argument], "defaults": [default] if default else []})
    if arguments.vararg or arguments.kwonlyargs:
        yield ast.arguments(**{**empty, "vararg": arguments.vararg or ast.arg("")})
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield ast.arguments(**{**empty, "args": [argument], "defaults": [default] if default else []})
    if arguments.kwarg:
        yield ast.arguments(**{**empty, "kwarg": arguments.kwarg})


def _code(text: str) -> str:
    return f"```py\n{text}\n```"


def _markdown(docstring: str) -> str:
    """A docstring in Google's style with its sections as lists; its examples are not run by tests."""
    docstring = docstring.replace("```python", "```py")
    parts, lines = [], iter(re.split(rf"^({'|'.join(_SECTIONS)}):\n", docstring, flags=re.MULTILINE))
    parts.append(next(lines).strip())
    for title, body in zip(lines, lines, strict=True):
        body = textwrap.dedent(body).strip()
        if title in ("Args", "Attributes", "Raises"):
            rows = re.split(r"\n(?=\S)", body)
            body = "\n".join(_row(row) for row in rows)
        parts += [f"**{title}**", body]
    return "\n\n".join(part for part in parts if part)


def _row(text: str) -> str:
    """`name: description`, with its further lines indented, as an item of a list."""
    name, _, about = " ".join(text.split()).partition(": ")
    return f"- `{name}`: {about}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
