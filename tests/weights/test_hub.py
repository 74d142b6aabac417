"""Weights on the Hugging Face hub, with a folder in place of the hub."""

from pathlib import Path
from typing import Any

import pytest

from centernet.detector import CenterNet
from centernet.errors import InputError
from centernet.weights.hub import fetch
from centernet.weights.zoo import ZOO

REVISION = "5f3c9d1e8a"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the hub is asked for; it answers with weights that come with the package."""
    calls: list[dict[str, Any]] = []

    def snapshot(repository: str, **settings: Any) -> str:
        calls.append({"repository": repository, **settings})
        return str(ZOO / "objects-nano")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    return calls


@pytest.mark.parametrize(
    ("name", "revision"),
    [("hf://you/shapes", None), (f"hf://you/shapes@{REVISION}", REVISION), ("hf://you/shapes@v1.2", "v1.2")],
)
def test_a_revision_after_the_name_pins_the_weights(
    name: str, revision: str | None, asked: list[dict[str, Any]]
) -> None:
    folder = fetch(name)

    assert Path(folder, "config.json").is_file()
    assert [(one["repository"], one["revision"]) for one in asked] == [("you/shapes", revision)]
    assert set(asked[0]["allow_patterns"]) == {"config.json", "model.safetensors", "README.md"}


def test_a_detector_is_opened_by_its_name_on_the_hub(asked: list[dict[str, Any]]) -> None:
    names = [
        CenterNet(f"hf://you/shapes@{REVISION}", "cpu").names,
        CenterNet.from_pretrained(f"you/shapes@{REVISION}", "cpu").names,
    ]

    assert names[0] == names[1]
    assert [one["revision"] for one in asked] == [REVISION, REVISION]


def test_other_names_are_not_asked_for(asked: list[dict[str, Any]]) -> None:
    assert fetch("runs/detect/train") == "runs/detect/train"
    assert asked == []


def test_a_repository_that_the_hub_lacks_is_named_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(repository: str, **settings: Any) -> str:
        raise ValueError(f"Repo id must be in the form of 'namespace/name': {repository!r}\nmore lines")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(InputError, match=r"^cannot fetch 'a/b/c' from the hub \(Repo id must .*'a/b/c'\)$"):
        fetch("hf://a/b/c@v1")
