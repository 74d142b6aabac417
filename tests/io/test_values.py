"""Json and yaml of any content are read, or refused in a line that names the file."""

import pytest

from centernet.errors import InputError
from centernet.io.values import read_json, read_yaml


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"id": ' + "1" * 5000 + "}", "a number of 5000 digits"),
        ("[" * 100_000, "it is nested too deep"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_not_json_is_named(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.json is not json: {reason}"):
        read_json(text, "a.json")


@pytest.mark.parametrize(
    "text",
    [
        "train: 2020-13-45",
        "train: !!timestamp 'x'",
        "train: !!float ''",
        "train: !!python/object/apply:os.system ['true']",
        "[" * 5000,
        "a: b: c",
    ],
)
def test_what_is_not_yaml_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"^a\.yaml is not yaml: ") as caught:
        read_yaml(text, "a.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_values_are_read() -> None:
    assert read_json(b'{"a": [1, 2.5]}', "a.json") == {"a": [1, 2.5]}
    assert read_yaml("a: [1, b]", "a.yaml") == {"a": [1, "b"]}


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\ud83d\\ude00\\ud83d", "\\ud83dx"])
def test_half_a_letter_is_refused_as_no_file_can_hold_it(half: str) -> None:
    with pytest.raises(InputError, match=r"^a\.json is not json: \\u\w{4} is half a letter"):
        read_json(f'{{"name": "{half}"}}', "a.json")


def test_whole_letters_and_paths_that_look_like_halves_are_read() -> None:
    assert read_json(r'"\ud83d\ude00 \uD83D\uDE00"', "a.json") == "😀 😀"
    assert read_json(r'"C:\\ud800\\u"', "a.json") == r"C:\ud800\u"
    # How Python writes the byte ff of a file name that is not UTF-8.
    assert read_json(r'"\udcff.png"', "a.json") == "\udcff.png"
