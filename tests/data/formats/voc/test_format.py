from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from centernet.data.formats import voc
from centernet.data.formats.catalog import open_dataset
from centernet.errors import InputError


def xml(*objects: str, size: str = "<size><width>64</width><height>48</height></size>") -> str:
    return "\n".join(["<annotation>", size, *objects, "</annotation>"])


def an_object(name: str = "cat", box: tuple[object, ...] = (1, 1, 11, 21), extra: str = "") -> str:
    corners = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=False)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def add(folder: Path, name: str, text: str | None, image: str = "JPEGImages", suffix: str = ".jpg") -> None:
    """One image and its xml in the layout of the devkit, or another."""
    xml_folder = folder / "Annotations" if image == "JPEGImages" else folder / image
    for one in (folder / image, xml_folder):
        one.mkdir(parents=True, exist_ok=True)
    kind = "jpeg" if suffix.lower() == ".jpg" else suffix[1:]
    Image.new("RGB", (64, 48)).save(folder / image / f"{name}{suffix}", kind)
    if text is not None:
        (xml_folder / f"{name}.xml").write_text(text, encoding="utf-8")


def add_list(folder: Path, split: str, text: str) -> None:
    (folder / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(text, encoding="utf-8")


def test_corners_are_counted_from_zero_and_ids_are_lines(tmp_path: Path) -> None:
    add(tmp_path, "a", xml(an_object(), an_object("dog", (3.5, 4, 10, 20.25))))

    (record,) = voc.read(tmp_path).records

    assert record.annotations.boxes.tolist() == [[0, 0, 10, 20], [2.5, 3, 9, 19.25]]
    assert record.annotations.ids.tolist() == [3, 4]
    assert record.annotations.areas.tolist() == [200, 6.5 * 16.25]
    assert record.size == (48, 64)
    assert record.source == str(tmp_path / "Annotations" / "a.xml")


def test_difficult_objects_are_ignored_like_crowds(tmp_path: Path) -> None:
    add(tmp_path, "a", xml(an_object(extra="<difficult>1</difficult>"), an_object()))

    assert voc.read(tmp_path).records[0].annotations.is_crowd.tolist() == [True, False]


def test_parts_of_an_object_are_not_its_class_or_box(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    add(tmp_path, "a", xml(an_object("person", extra=part)))

    dataset = voc.read(tmp_path)

    assert dataset.categories.names == ("person",)
    assert dataset.records[0].annotations.boxes.tolist() == [[0, 0, 10, 20]]


def test_splits_agree_on_labels_though_they_hold_different_classes(tmp_path: Path) -> None:
    add(tmp_path, "a", xml(an_object("zebra")))
    add(tmp_path, "b", xml(an_object("ape")))
    add_list(tmp_path, "train", "a\n")
    add_list(tmp_path, "val", "b\n")

    train, val = voc.read(tmp_path, "train"), voc.read(tmp_path, "val")

    assert train.categories == val.categories
    assert train.categories.names == ("ape", "zebra")
    assert train.categories.ids == (0, 1)
    assert train.records[0].annotations.labels.tolist() == [1]


def test_lists_give_order_and_may_have_suffixes_numbers_and_blank_lines(tmp_path: Path) -> None:
    for name in ("a", "b", "c d"):
        add(tmp_path, name, xml())
    add_list(tmp_path, "train", "c d\n\nb.jpg\na  1\n")

    assert [record.path.stem for record in voc.read(tmp_path, "train").records] == ["c d", "b", "a"]


def test_lists_of_one_class_are_not_splits(tmp_path: Path) -> None:
    add(tmp_path, "a", xml())
    for name in ("train", "val", "trainval", "cat_train"):
        add_list(tmp_path, name, "a\n")

    assert voc.splits(tmp_path) == ("train", "trainval", "val")


@pytest.mark.parametrize("folder", ["", "images"])
def test_folders_of_images_and_xml_are_splits(tmp_path: Path, folder: str) -> None:
    add(tmp_path / folder, "a", xml(an_object()), image="train", suffix=".JPG")
    add(tmp_path / folder, "b", xml(an_object("dog")), image="test", suffix=".png")

    train, val = open_dataset(tmp_path, "train"), open_dataset(tmp_path, "val")

    assert (train.records[0].path.name, val.records[0].path.name) == ("a.JPG", "b.png")
    assert train.categories == val.categories


def test_one_flat_folder_is_one_split(tmp_path: Path) -> None:
    add(tmp_path, "a", xml(an_object()), image=".")

    assert voc.splits(tmp_path) == ("all",)
    assert len(open_dataset(tmp_path, "train")) == len(open_dataset(tmp_path)) == 1


def test_images_without_objects_stay(tmp_path: Path) -> None:
    add(tmp_path, "a", xml())

    assert len(voc.read(tmp_path).records) == 1


def test_an_image_without_annotations_is_left_out_and_reported(tmp_path: Path) -> None:
    add(tmp_path, "a", xml())
    add(tmp_path, "b", None)

    dataset = voc.read(tmp_path)

    assert [record.path.stem for record in dataset.records] == ["a"]
    assert [defect.kind for defect in dataset.defects] == ["image without annotation file"]
    assert "b.jpg has no b.xml" in dataset.defects[0].message


def test_an_image_listed_twice_is_read_once_and_reported(tmp_path: Path) -> None:
    add(tmp_path, "a", xml())
    add_list(tmp_path, "train", "a\na\n")

    dataset = voc.read(tmp_path, "train")

    assert len(dataset) == 1
    assert [defect.kind for defect in dataset.defects] == ["duplicate image"]


def test_an_xml_without_image_is_kept_and_left_to_the_checks(tmp_path: Path) -> None:
    add(tmp_path, "a", xml())
    (tmp_path / "Annotations" / "b.xml").write_text(xml(an_object()), encoding="utf-8")

    assert [record.path.name for record in voc.read(tmp_path).records] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (an_object(box=("nan", 1, 2, 3)), "<xmin> is 'nan', which is not finite"),
        (an_object(box=(1, "", 2, 3)), "<ymin> is '', which is not a number"),
        (an_object(box=(1, 2, 3)), "has no <ymax>"),
        (an_object(name=""), "the object has no <name>"),
        ("<object><bndbox/></object>", "the object has no <name>"),
        ("<object><name>cat</name></object>", "has no <xmin>"),
    ],
)
def test_a_broken_object_is_left_out_and_reported_with_its_line(
    tmp_path: Path, broken: str, words: str
) -> None:
    add(tmp_path, "a", xml(an_object(), broken))

    dataset = voc.read(tmp_path)

    assert len(dataset.records[0].annotations) == 1
    (defect,) = dataset.defects
    assert defect.where == f"{tmp_path / 'Annotations' / 'a.xml'}:4"
    assert words in defect.message


@pytest.mark.parametrize(
    "text", ["", "<annotation>", "no xml", "<html></html>", '<?xml version="1.0" encoding="x"?><a/>']
)
def test_a_broken_file_is_left_out_and_reported(tmp_path: Path, text: str) -> None:
    add(tmp_path, "a", text)
    add(tmp_path, "b", xml())

    dataset = voc.read(tmp_path)

    assert [record.path.stem for record in dataset.records] == ["b"]
    assert [defect.kind for defect in dataset.defects] == ["broken annotation file"]
    assert dataset.defects[0].where.endswith("a.xml")


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_a_size_that_is_not_stated_is_none(tmp_path: Path, size: str) -> None:
    add(tmp_path, "a", xml(size=size))

    assert voc.read(tmp_path).records[0].size is None


def test_two_images_of_one_stem_cannot_be_written(tmp_path: Path) -> None:
    add(tmp_path / "first", "a", xml())
    add(tmp_path / "second", "a", xml(), suffix=".png")
    first, second = voc.read(tmp_path / "first"), voc.read(tmp_path / "second")

    with pytest.raises(InputError, match=r"a\.png and .*a\.jpg would share one name"):
        voc.write(replace(first, records=first.records + second.records), tmp_path / "third", "train")


def test_names_with_marks_survive_writing(tmp_path: Path) -> None:
    add(tmp_path / "first", "a", xml(an_object("r&amp;d &lt;é&gt;")))

    voc.write(voc.read(tmp_path / "first"), tmp_path / "second", "train")

    assert voc.read(tmp_path / "second", "train").categories.names == ("r&d <é>",)


@pytest.mark.parametrize(
    ("name", "train", "val"),
    [("bccd", (86, 1275), (30, 430)), ("cards", (19, 46), (9, 24)), ("neon_trees", (2, 316), (1, 61))],
)
def test_the_real_data_sets_are_read(
    real_data: Path, name: str, train: tuple[int, int], val: tuple[int, int]
) -> None:
    for split, (num_images, num_objects) in {"train": train, "val": val}.items():
        dataset = open_dataset(real_data / name, split)

        assert len(dataset) == num_images
        assert sum(len(record.annotations) for record in dataset.records) == num_objects
        assert not dataset.defects
        assert all(record.path.is_file() for record in dataset.records)
