"""Numbers have bounds, which are in one table, wherever they come from; lines of messages fit a screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from centernet import CenterNet, InferenceOptions, Recipe
from centernet.cli import main
from centernet.data.doctor.crowding import square_input
from centernet.data.synthetic import write_scenes
from centernet.errors import (
    BOUNDS,
    InputError,
    UsageError,
    check_bounds,
    escaped,
    listed,
    shortened,
    shown,
)

BLOOD = CenterNet("blood-cells", "cpu")
IMAGE = np.zeros((32, 32, 3), np.uint8)


def test_a_number_at_its_bound_passes_and_the_next_does_not() -> None:
    for name, (low, high) in BOUNDS.items():
        check_bounds(**{name: low})
        check_bounds(**{name: high})
        for beyond in (low - 1, high + 1, -float("inf"), float("nan")):
            with pytest.raises(UsageError, match=f"{name} is a number from {low} to {high}; got"):
                check_bounds(**{name: beyond})


def test_a_long_number_is_shortened_and_each_of_several_is_checked() -> None:
    with pytest.raises(UsageError, match=r"seed .* got 100000000000… of 61 digits$"):
        check_bounds(seed=10**60)
    with pytest.raises(UsageError, match="scales is a number from 0 to 10; got 11"):
        check_bounds(scales=(1.0, 11.0))
    check_bounds(imgsz=None, names=("a",), flip=True)


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: Recipe(imgsz=2**20), "imgsz"),
        (lambda: Recipe(channels=10**9), "channels"),
        (lambda: Recipe(top_k=10**9), "top_k"),
        (lambda: Recipe(per_cell=100_000), "per_cell"),
        (lambda: Recipe(cache=1e308), "cache"),
        (lambda: Recipe(seed=2**64), "seed"),
        (lambda: Recipe(workers=10**6), "workers"),
        (lambda: Recipe(epochs=10**12), "epochs"),
        (lambda: InferenceOptions(imgsz=32_000), "imgsz"),
        (lambda: InferenceOptions(slice=10**9), "slice"),
        (lambda: InferenceOptions(scales=(1.0,) * 1000), "scales"),
        (lambda: BLOOD.predict(IMAGE, max_det=10**9), "max_det"),
        (lambda: BLOOD.predict(IMAGE, workers=10**6), "workers"),
        (lambda: BLOOD.val("data", batch=10**12), "batch"),
        (lambda: square_input(10**9, 4), "imgsz"),
        (lambda: write_scenes("scenes", seed=2**70), "seed"),
    ],
)
def test_calls_refuse_numbers_without_a_bound(call: Callable[[], Any], key: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^{key} (is a number|are at most) .+; got|^scales are at most 32; got 1000"
    ):
        call()


@pytest.mark.parametrize(
    "word",
    [
        "imgsz=100000000000000000000",
        "max_det=9223372036854775808",
        "workers=1000000",
        "batch=1e300",
        "device=meta",
        "device=99999999999999999999",
    ],
)
def test_the_command_line_ends_in_a_line_with_code_2(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(IMAGE).save(tmp_path / "a.png")

    assert main(["predict", "model=blood-cells", f"source={tmp_path / 'a.png'}", "save=false", word]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word.partition("=")[0] in error


def test_a_large_batch_of_one_image_is_run_at_once() -> None:
    (found,) = BLOOD.predict([IMAGE], batch=10**9, workers=1)

    assert found.image_id == 0


def test_a_line_has_at_most_300_letters_and_keeps_its_beginning_and_its_end() -> None:
    line = shortened(f"centernet: {'x' * 500}.json is broken: mend it")

    assert len(line) == 300
    assert line.startswith("centernet: xxx")
    assert line.endswith("xx.json is broken: mend it")
    assert shortened("centernet: short") == "centernet: short"


def test_of_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcdefgh"]) == "a, b, c, d, e, f and 2 more"
    # One more is as long as its name.
    assert listed([*"abcdefg"]) == "a, b, c, d, e, f, g"
    assert listed(["n" * 50]) == "n" * 29 + "…"


def test_what_a_terminal_acts_on_is_shown_escaped_and_letters_of_all_languages_are_not() -> None:
    assert escaped("\x1b[31mred\x07\r\t\x00\x9b\u202e\u2028\udcff") == (
        r"\x1b[31mred\x07\r\t\x00\x9b\u202e\u2028\udcff"
    )
    text = "Zoë, 細胞, κύτταρο, خلية, 👩‍🔬: two\nlines"
    assert escaped(text) == text
    assert escaped(escaped("\x1b")) == r"\x1b"


@pytest.mark.parametrize("kind", [InputError, UsageError])
def test_errors_show_names_escaped(kind: type[ValueError]) -> None:
    assert str(kind("\x1b]0;title\x07.jpg is broken")) == r"\x1b]0;title\x07.jpg is broken"


def test_a_name_in_a_table_is_one_short_line() -> None:
    assert shown("a\nb\x1b") == r"a\nb\x1b"
    assert shown("n" * 3000) == "n" * 59 + "…"
