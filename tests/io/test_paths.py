"""Paths as users and files write them."""

from pathlib import Path

import pytest

from centernet.cli.arguments import SWITCH_OR_TEXT, TEXT, list_of
from centernet.errors import InputError
from centernet.io.paths import expanded, is_file, resolved, stated, visible
from centernet.io.sources import frames
from centernet.recipes.recipe import Recipe


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert expanded("~/set") == tmp_path / "set"
    assert expanded("set/~/a") == Path("set/~/a")
    assert TEXT.read("~/set") == str(tmp_path / "set")
    assert SWITCH_OR_TEXT.read("~/run") == str(tmp_path / "run")
    assert list_of(TEXT).read("~/a,b") == [str(tmp_path / "a"), "b"]
    assert TEXT.read("https://a.b/~c") == "https://a.b/~c"


def test_the_home_of_a_user_that_is_not_known_stays_as_it_is() -> None:
    assert expanded("~nobody-of-this-name/a") == Path("~nobody-of-this-name/a")
    assert Recipe(project="~nobody-of-this-name/a").runs == Path("~nobody-of-this-name/a")
    with pytest.raises(InputError, match="~nobody-of-this-name/a does not exist"):
        frames("~nobody-of-this-name/a")


def test_backslashes_of_a_stated_path_are_slashes() -> None:
    assert stated("..\\images\\a.png ") == Path("../images/a.png")


@pytest.mark.parametrize("name", [300 * "a", "a\0b", ""])
def test_a_name_that_no_file_can_have_is_no_file(tmp_path: Path, name: str) -> None:
    assert not is_file(tmp_path / name)


def test_hidden_files_are_left_out_and_the_others_are_in_order() -> None:
    assert visible([Path("b.xml"), Path("._a.xml"), Path("a.xml")]) == [Path("a.xml"), Path("b.xml")]


def test_the_path_behind_a_link_is_known_also_if_it_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("file")

    assert resolved(tmp_path / "link") == resolved(tmp_path) / "file"
    assert resolved(tmp_path / "loop") == resolved(tmp_path) / "loop"
