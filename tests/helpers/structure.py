"""Measures of the package's structure: `python -m tests.helpers.structure` prints them."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "centernet"
PRIVATE_WORDS = re.compile(r"\b(truth|told|looks?|bump|surer|veil|habits|evidence|answers)\b", re.IGNORECASE)
TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".css", ".html"}

Edges = set[tuple[str, str]]


@dataclass(frozen=True)
class Function:
    """A function of the package.

    Attributes:
        place: File and line.
        name: Its name.
        parameters: Number of parameters, without `self` and `cls`.
        lines: Lines from `def` to its last one.
    """

    place: str
    name: str
    parameters: int
    lines: int


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """The files of the package by the name they are imported by."""
    names = {path: ".".join(path.relative_to(source.parent).with_suffix("").parts) for path in _files(source)}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def import_edges(source: Path = SOURCE) -> Edges:
    """Pairs of modules of which the first imports the second when it is loaded.

    Imports in functions, and those for type checkers alone, are not counted.
    """
    known = modules(source)
    return {
        (name, target)
        for name, path in known.items()
        for target in _imports(ast.parse(path.read_text()).body, known)
        if target != name
    }


def _imports(body: Iterable[ast.stmt], known: dict[str, Path]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (name for name in (full if full in known else node.module,) if name in known)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "handlers", "finalbody"):
                if not (
                    field == "body" and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
                ):
                    yield from _imports(getattr(node, field, ()), known)


def parts(source: Path = SOURCE) -> set[str]:
    """The modules and packages that lie at the top of the package."""
    return {name.split(".")[1] for name in modules(source) if "." in name}


def siblings(edges: Edges, parent: str) -> Edges:
    """The edges between the children of a package, each standing for all that it holds."""
    depth = parent.count(".") + 1
    inside = {
        (first.split(".")[depth], second.split(".")[depth])
        for first, second in edges
        if first.startswith(f"{parent}.") and second.startswith(f"{parent}.")
    }
    return {(first, second) for first, second in inside if first != second}


def circles(source: Path = SOURCE) -> dict[str, list[str]]:
    """A circle of imports among the children of each package that has one."""
    edges = import_edges(source)
    packages = {name for name, path in modules(source).items() if path.name == "__init__.py"}
    return {parent: circle for parent in sorted(packages) if (circle := _circle(siblings(edges, parent)))}


def _circle(edges: Edges) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for first, second in sorted(edges):
        sorter.add(first, second)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def functions(source: Path = SOURCE) -> list[Function]:
    """Every function and method of the package."""
    return [
        Function(
            place=f"{path.relative_to(source.parent)}:{node.lineno}",
            name=node.name,
            parameters=_num_parameters(node.args),
            lines=(node.end_lineno or node.lineno) - node.lineno + 1,
        )
        for path in _files(source)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _num_parameters(arguments: ast.arguments) -> int:
    named = [*arguments.posonlyargs, *arguments.args]
    if named and named[0].arg in ("self", "cls"):
        named = named[1:]
    return len([*named, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))])


def file_lengths(source: Path = SOURCE) -> dict[str, int]:
    """The number of lines of each file of the package."""
    return {
        str(path.relative_to(source.parent)): len(path.read_text().splitlines()) for path in _files(source)
    }


def private_words(root: Path = ROOT) -> list[str]:
    """Where sources and documents use words that the field does not: file, line and text."""
    files = [root / "README.md", *(path for name in ("src", "docs") for path in (root / name).rglob("*"))]
    return [
        f"{path.relative_to(root)}:{line}: {text}"
        for path in sorted(files)
        if path.suffix in TEXTS and path.is_file()
        for line, text in _private_words(path.read_text())
    ]


def _private_words(text: str) -> Iterator[tuple[int, str]]:
    for match in PRIVATE_WORDS.finditer(text):
        before = text[: match.start()]
        is_ground_truth = match[0].lower() == "truth" and re.search(r"ground(\W|\n)+$", before, re.IGNORECASE)
        # The former name of an argument of `centernet score`, which goes on working.
        is_argument = match[0] == "truth" and (
            text[match.end() :].startswith("=") or before.endswith(('"', "`"))
        )
        # The name of a layer of corner pooling, in weights on disk.
        is_layer = match[0] == "look" and before.endswith(".")
        if not (is_ground_truth or is_argument or is_layer):
            number = before.count("\n")
            yield number + 1, text.splitlines()[number].strip()


def _files(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py"))


def main() -> None:
    """Prints the measures."""
    edges = siblings(import_edges(), "centernet")
    print(f"{len(parts())} parts, {len(edges)} edges")
    for part in sorted(parts()):
        print(f"  {part}: {' '.join(sorted(second for first, second in edges if first == part))}")
    print("circles:", circles() or "none")
    every = functions()
    for title, key in (("parameters", "parameters"), ("lines", "lines")):
        print(f"most {title}:")
        for one in sorted(every, key=lambda one: -getattr(one, key))[:5]:
            print(f"  {getattr(one, key):4} {one.name}  {one.place}")
    print("longest files:")
    for name, length in sorted(file_lengths().items(), key=lambda item: -item[1])[:5]:
        print(f"  {length:4} {name}")
    words = private_words()
    print(f"{len(words)} private words", *words, sep="\n  ")


if __name__ == "__main__":
    main()
