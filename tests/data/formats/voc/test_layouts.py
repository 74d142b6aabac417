"""VOC files in folders of any name, with images that their `<filename>` names."""

from pathlib import Path

import pytest
from PIL import Image

from centernet.data.formats import voc
from centernet.data.formats.catalog import open_dataset


def xml(path: Path, filename: str = "", name: str = "car") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    box = "<xmin>11</xmin><ymin>11</ymin><xmax>41</xmax><ymax>41</ymax>"
    item = f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"
    stated = f"<filename>{filename}</filename>" if filename else ""
    path.write_text(f"<annotation>{stated}{item}</annotation>", encoding="utf-8")


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96, 64)).save(path)
    return path


@pytest.mark.parametrize("filename", ["", "a", "old name.jpg", "a.png"])
def test_the_image_of_an_xml_has_its_name_whatever_is_stated(tmp_path: Path, filename: str) -> None:
    path = image(tmp_path / "pictures" / "a.png")
    xml(tmp_path / "annots" / "a.xml", filename)

    assert voc.read(tmp_path).records[0].path == path


@pytest.mark.parametrize("filename", ["photo 1.png", "C:\\photos\\photo 1.png", "/home/ada/photo 1.png"])
def test_an_image_of_another_name_is_found_by_the_stated_one(tmp_path: Path, filename: str) -> None:
    path = image(tmp_path / "JPEGImages" / "photo 1.png")
    xml(tmp_path / "Annotations" / "000001.xml", filename)

    dataset = voc.read(tmp_path)

    assert [record.path for record in dataset.records] == [path]
    assert dataset.defects == ()


def test_an_image_that_is_nowhere_is_expected_beside_the_others(tmp_path: Path) -> None:
    image(tmp_path / "JPEGImages" / "a.png")
    xml(tmp_path / "Annotations" / "a.xml")
    xml(tmp_path / "Annotations" / "b.xml", "b.png")

    assert voc.read(tmp_path).records[1].path == tmp_path / "JPEGImages" / "b.png"


def test_folders_named_after_splits_are_splits_whatever_holds_them(tmp_path: Path) -> None:
    for split, name in (("train", "car"), ("valid", "bus")):
        image(tmp_path / "pictures" / split / "a.png")
        xml(tmp_path / "annots" / split / "a.xml", "a.png", name)

    train, val = voc.read(tmp_path, "train"), voc.read(tmp_path, "val")

    assert train.categories == val.categories
    assert train.records[0].path == tmp_path / "pictures" / "train" / "a.png"
    assert val.records[0].path == tmp_path / "pictures" / "valid" / "a.png"


def test_images_may_be_in_a_folder_that_the_user_names(tmp_path: Path) -> None:
    path = image(tmp_path / "photos" / "a.png")
    xml(tmp_path / "set" / "a.xml", "a.png")

    assert open_dataset(tmp_path / "set", images=tmp_path / "photos").records[0].path == path


def test_xml_of_something_else_is_not_voc(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "feed.xml").write_text("<rss></rss>", encoding="utf-8")

    assert not voc.identify(tmp_path)
