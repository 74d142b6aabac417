"""Pages are correct: their Python runs, their commands are valid, their links work, the site builds."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from docs import api
from docs.build_site import CONFIG, build, dead_links
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
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SMALL: dict[str, Any] = {"epochs": 1, "imgsz": 64, "batch": 2, "workers": 0, "device": "cpu"}
"""Settings of every training here, whatever those of the page."""


def path_of(page: Path) -> str:
    """The path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


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
    """The working folder of a reader: a data set, images and a run; generating and training are small."""
    from centernet.data import synthetic as scenes
    from centernet.training import run_folder as folders
    from centernet.training.build import build_predictor
    from centernet.weights import files as weights

    monkeypatch.chdir(tmp_path)
    write_scenes("path/to/dataset", train=2, val=1, size=64)
    Path("images").symlink_to("path/to/dataset/val")
    recipe = Recipe(**SMALL)
    predictor = build_predictor(recipe, Categories.of("circle", "square", "triangle"))
    # Detections everywhere, so that loops over them have something to do.
    predictor.network.heads[0]["heatmap"][-1].bias.data.fill_(2.0)
    run = Path("runs/detect/train")
    (run / "weights").mkdir(parents=True)
    weights.save_file(predictor, run / "weights" / "best.safetensors")
    folders.describe(run, "nano", "path/to/dataset", recipe)
    train = CenterNet.train

    def train_a_little(model: CenterNet, data: Any = None, **settings: Any) -> Any:
        with_settings(Recipe(), **settings)
        return train(model, data, **{**settings, **SMALL})

    def generate_few(folder: str, *, train: int, val: int, **settings: Any) -> Path:
        return write_scenes(folder, train=min(train, 2), val=min(val, 1), **settings)

    monkeypatch.setattr(CenterNet, "train", train_a_little)
    monkeypatch.setattr(scenes, "write_scenes", generate_few)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=path_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, user_folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)

    assert names.keys() - {"__builtins__"}, "no block of the page names anything"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=path_of)
def test_the_commands_of_a_page_are_valid(page: Path) -> None:
    unknown = []
    for command in commands(page):
        _, name, *words = shlex.split(re.split(r"\s[|>&]", command)[0], comments=True)
        if {"--help", "…"} & set(words):
            continue
        try:
            read_arguments(name, words, (*COMMANDS[name].arguments, *COMMON))
        except (KeyError, UsageError) as error:
            unknown.append((command, error))

    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=path_of)
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


def test_the_page_of_the_python_api_is_that_of_the_docstrings() -> None:
    assert api.PAGE.read_text() == api.page(), "run `python docs/api.py`"


def test_every_public_name_of_the_package_is_on_the_page_of_the_python_api() -> None:
    import centernet

    page = api.PAGE.read_text()

    assert [name for name in centernet.__all__ if name != "__version__" and f"### `{name}`" not in page] == []


def test_the_site_builds_strictly_with_search_and_every_page_of_the_docs(tmp_path: Path) -> None:
    site = build(tmp_path / "build")

    found = (site / "search.json").read_text()
    assert all(text in found for text in ("Detect your own keypoints", "CenterNet.predict", "per_cell"))
    assert all(
        (site / path_of(page)).with_suffix(".html").is_file() for page in PAGES if page.name != "README.md"
    )


def test_every_page_of_the_docs_is_in_the_navigation() -> None:
    navigation = str(tomllib.loads(CONFIG.read_text())["project"]["nav"])

    assert [path_of(page) for page in PAGES if f"'{path_of(page)}'" not in navigation] == []


def test_a_link_to_a_file_or_a_heading_that_is_not_in_the_site_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#x"></a><a href="b.html#y"></a><img src=c.png><a href="#z"></a>'
    )
    (tmp_path / "b.html").write_text('<h2 id="x"></h2><a href="https://example.org/d">')

    assert dead_links(tmp_path) == ["a.html: b.html#y", "a.html: c.png"]
