"""What the pages say is true: their Python runs, their commands are understood, their links lead on."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from docs.tables import REFERENCE, with_tables

from centernet.cli.arguments import read_arguments
from centernet.cli.command import COMMON
from centernet.cli.commands import COMMANDS
from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet
from centernet.errors import UsageError
from centernet.recipes.recipe import Recipe, with_settings
from centernet.structures import Categories

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SMALL: dict[str, Any] = {"epochs": 1, "imgsz": 64, "batch": 2, "workers": 0, "device": "cpu"}
"""What training in a page is done with here, whatever the page says."""


def blocks(page: Path, *languages: str) -> list[str]:
    """Fenced blocks of a page in these languages."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in fences if language in languages]


def commands(page: Path) -> list[str]:
    """Lines of a page that call the program."""
    lines = "\n".join(blocks(page, "", "bash", "sh")).splitlines()
    return [line[line.index("centernet ") :] for line in lines if re.search(r"\bcenternet [a-z-]", line)]


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reader of a page stands: a data set, images and a run; drawing and training are small."""
    from centernet.data import synthetic as scenes
    from centernet.training import run_folder as folders
    from centernet.training.build import build_predictor
    from centernet.weights import files as weights

    monkeypatch.chdir(tmp_path)
    write_scenes("path/to/dataset", train=2, val=1, size=64)
    Path("images").symlink_to("path/to/dataset/val")
    recipe = Recipe(**SMALL)
    predictor = build_predictor(recipe, Categories.of("circle", "square", "triangle"))
    # It finds something everywhere, so that loops over what was found have something to do.
    predictor.network.heads[0]["heatmap"][-1].bias.data.fill_(2.0)
    run = Path("runs/detect/train")
    (run / "weights").mkdir(parents=True)
    weights.save_file(predictor, run / "weights" / "best.safetensors")
    folders.describe(run, "nano", "path/to/dataset", recipe)
    train = CenterNet.train

    def train_a_little(model: CenterNet, data: Any = None, **settings: Any) -> Any:
        with_settings(Recipe(), **settings)
        return train(model, data, **{**settings, **SMALL})

    def draw_few(folder: str, *, train: int, val: int, **settings: Any) -> Path:
        return write_scenes(folder, train=min(train, 2), val=min(val, 1), **settings)

    monkeypatch.setattr(CenterNet, "train", train_a_little)
    monkeypatch.setattr(scenes, "write_scenes", draw_few)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, user_folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)

    assert names.keys() - {"__builtins__"}, "no block of the page names anything"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_are_understood(page: Path) -> None:
    unknown = []
    for command in commands(page):
        _, verb, *words = shlex.split(re.split(r"\s[|>&]", command)[0], comments=True)
        if {"--help", "…"} & set(words):
            continue
        try:
            read_arguments(verb, words, (*COMMANDS[verb].arguments, *COMMON))
        except (KeyError, UsageError) as error:
            unknown.append((command, error))

    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert broken == []


def test_the_tables_of_the_reference_are_those_of_the_program() -> None:
    page = REFERENCE.read_text()

    assert page == with_tables(page), "run `python docs/tables.py`"


def test_the_reference_names_every_file_of_a_run() -> None:
    from centernet.training import run_folder as folders

    page = REFERENCE.read_text()

    assert all(f"`{name}`" in page for name in (folders.ARGUMENTS, folders.CHECKPOINT, "results.csv"))
