"""The package keeps its shape: few parts and edges, short files and functions, words of the field."""

import tomllib

import pytest
from tests.helpers.structure import (
    ROOT,
    SOURCE,
    circles,
    file_lengths,
    functions,
    import_edges,
    parts,
    private_words,
    siblings,
)

EMPTY = ("inference", "tasks", "tasks/triplet", "io")
"""Packages through which an exported file passes without torch."""


def test_the_package_has_few_parts_and_few_edges_between_them() -> None:
    assert len(parts()) <= 26
    assert len(siblings(import_edges(), "centernet")) <= 121


def test_imports_have_no_circle_at_any_depth() -> None:
    assert circles() == {}


def test_the_import_contract_has_twelve_layers_that_hold_every_part() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers")

    assert len(layers) == 12
    assert {part.strip() for layer in layers for part in layer.split("|")} == parts() - {"__main__"}


def test_no_function_takes_more_than_eleven_parameters() -> None:
    assert [one for one in functions() if one.parameters > 11] == []


def test_no_function_is_longer_than_93_lines() -> None:
    assert [one for one in functions() if one.lines > 93] == []


def test_no_file_is_longer_than_400_lines() -> None:
    assert {name: length for name, length in file_lengths().items() if length > 400} == {}


@pytest.mark.parametrize("package", EMPTY)
def test_packages_that_an_exported_file_passes_import_nothing(package: str) -> None:
    lines = (SOURCE / package / "__init__.py").read_text().splitlines()

    # A docstring of one line at most.
    assert [line for line in lines if not line.startswith(("#", '"""'))] == []


def test_sources_and_documents_speak_the_words_of_the_field() -> None:
    assert private_words() == []
