import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from centernet.cli.arguments import (
    NUMBER,
    SWITCH,
    SWITCH_OR_TEXT,
    TEXT,
    WHOLE,
    Argument,
    ArgumentType,
    list_of,
    read_arguments,
)
from centernet.cli.export import EXPORT
from centernet.cli.predict import PREDICT
from centernet.cli.train import settings_of
from centernet.errors import UsageError
from centernet.recipes.hints import HINTS
from centernet.recipes.presets import small

TYPES: dict[str, tuple[ArgumentType, str]] = {
    "epochs": (WHOLE, "100"),
    "lr": (NUMBER, "0.001"),
    "name": (TEXT, "train"),
    "rect": (SWITCH, "false"),
    "resume": (SWITCH_OR_TEXT, "false"),
    "lr_steps": (list_of(WHOLE), "90,120"),
}
ARGUMENTS = [
    Argument(name=name, type=type_, about="", default=default) for name, (type_, default) in TYPES.items()
]


def read(*words: str) -> dict[str, Any]:
    return read_arguments("train", words, ARGUMENTS)


@pytest.mark.parametrize("words", [["epochs=3"], ["--epochs", "3"], ["--epochs=3"]])
def test_three_ways_of_writing_mean_the_same(words: list[str]) -> None:
    assert read(*words) == {"epochs": 3}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("lr=2e-3", 0.002),
        ("lr=1", 1.0),
        ("lr=-.5", -0.5),
        ("epochs=1e2", 100),
        ("name=007", "007"),
        ("name=true", "true"),
        ("name=a=b", "a=b"),
        ("rect=True", True),
        ("rect=no", False),
        ("rect=1", True),
        ("resume=true", True),
        ("resume=runs/a", "runs/a"),
        ("lr_steps=90,120", [90, 120]),
        ("lr_steps=[90, 120]", [90, 120]),
        ("lr_steps=90", [90]),
        ("lr_steps=[]", []),
    ],
)
def test_a_value_has_the_type_of_its_key(word: str, value: object) -> None:
    (found,) = read(word).values()

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("epochs=1.5", "epochs is a whole number; got '1.5': write epochs=100"),
        ("epochs=inf", "epochs is a whole number; got 'inf'"),
        ("lr=nan", "lr is a number; got 'nan'"),
        ("rect=maybe", "rect is true or false; got 'maybe'"),
        ("lr_steps=90,b", "lr_steps is a list, each a whole number; got '90,b': write lr_steps=90,120"),
        ("name=", "name needs a value: name=train"),
        ("--epochs", "epochs needs a value: --epochs 100"),
    ],
)
def test_a_value_of_another_type_is_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(word)

    assert str(caught.value).startswith(message)


def test_a_switch_alone_means_true() -> None:
    assert read("--rect", "--resume") == {"rect": True, "resume": True}
    assert read("--rect", "epochs=3") == {"rect": True, "epochs": 3}
    assert read("--rect", "false", "--resume", "runs/a") == {"rect": False, "resume": "runs/a"}
    assert read("--resume", "name=a") == {"resume": True, "name": "a"}


def test_a_key_does_not_swallow_the_next_one() -> None:
    with pytest.raises(UsageError, match=r"^name needs a value"):
        read("--name", "epochs=3")
    assert read("--name", "other=3") == {"name": "other=3"}


def test_dashes_in_keys_are_underscores() -> None:
    assert read("--lr-steps", "3") == {"lr_steps": [3]}


def test_the_last_of_several_values_holds() -> None:
    assert read("epochs=3", "--epochs", "4") == {"epochs": 4}


def test_the_error_for_a_path_without_a_key_names_the_key(tmp_path: Path) -> None:
    source = Argument(name="source", type=TEXT, about="", default="images/", is_required=True)
    with pytest.raises(UsageError) as caught:
        read_arguments("predict", [str(tmp_path)], [source])

    assert f"write source={tmp_path}; put a pattern in quotes" in str(caught.value)


def test_the_error_for_a_data_set_without_a_key_names_the_key(tmp_path: Path) -> None:
    model, data = (Argument(name=name, type=TEXT, about="", default="x") for name in ("model", "data"))
    with pytest.raises(UsageError) as caught:
        read_arguments("train", [str(tmp_path)], [model, data])

    assert f"write data={tmp_path}" in str(caught.value)


def test_keys_of_other_detectors_get_hints() -> None:
    for word, hint in {
        "iou=0.5": "unknown key 'iou': peaks are objects, .* take nms=hard",
        "soft_nms=true": "predict and val take nms=gaussian",
        "agnostic_nms=true": "predict and val take class_agnostic=true",
        "augment=true": "predict and val take flip=true, and scales=0.75,1,1.25",
        "keep_res=true": "predict and val take resize=keep",
        "fix_res=true": "predict and val take resize=fit",
        "time=0.25": "here it is minutes=15",
        "fraction=0.5": "minutes=15 limits the time",
        "erasing=0.4": "nothing is erased",
        "shear=2": "images are not tilted",
        "lr_step_size=8": "schedule=step lr_steps=90,120",
    }.items():
        with pytest.raises(UsageError, match=hint):
            read(word)


def is_known(word: str, arguments: Sequence[Argument]) -> bool:
    try:
        read_arguments("command", [word], [replace(one, is_required=False) for one in arguments])
    except UsageError:
        return False
    return True


def test_keys_in_hints_are_known() -> None:
    commands = settings_of(small()), PREDICT.arguments, EXPORT.arguments
    words = [word for hint in HINTS.values() for word in re.findall(r"\w+=[\w.,]*\w", hint)]

    assert len(words) > 25
    assert [word for word in words if not any(is_known(word, command) for command in commands)] == []
