"""Writing a data set keeps every image, and the place of every box."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.formats import coco, kitti, voc, yolo
from centernet.data.formats.catalog import WritableFormat, open_dataset, splits
from centernet.data.formats.yolo.layout import label_file
from centernet.errors import InputError
from centernet.io.images import read_image
from centernet.structures import Annotations, Categories, Dataset, ImageRecord

ROW = [[10, 5, 30, 15]]


def dataset_of(*paths: Path, size: tuple[int, int] | None = (40, 60)) -> Dataset:
    records = tuple(
        ImageRecord(
            path=path,
            image_id=i,
            annotations=Annotations.of(np.array(ROW, np.float32), np.array([0])),
            source="",
            size=size,
        )
        for i, path in enumerate(paths, start=1)
    )
    return Dataset(name="", format="", categories=Categories.of("car"), records=records)


def image_file(path: Path, level: int = 0, **options: object) -> Path:
    """A grey image with a white object in the box `ROW`."""
    pixels = np.full((40, 60, 3), level, np.uint8)
    pixels[5:15, 10:30] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("one", [voc, kitti], ids=lambda one: one.NAME)
def test_an_image_of_another_split_is_not_written_over(one: WritableFormat, tmp_path: Path) -> None:
    first, second = (image_file(tmp_path / name / "0.png", level) for level, name in enumerate(("a", "b")))
    one.write(dataset_of(first), tmp_path / "out", "train")
    with pytest.raises(InputError, match=r"b/0\.png and .*0\.png would share one name"):
        one.write(dataset_of(image_file(tmp_path / "b" / "1.png"), second), tmp_path / "out", "val")

    (record,) = open_dataset(tmp_path / "out", "train").records
    assert read_image(record.path)[0, 0, 0] == 0
    # Nothing is half written.
    assert not list((tmp_path / "out").rglob("1.png"))


@pytest.mark.parametrize("one", [coco, voc, yolo, kitti], ids=lambda one: one.NAME)
def test_writing_again_is_no_error(one: WritableFormat, tmp_path: Path) -> None:
    dataset = dataset_of(image_file(tmp_path / "a" / "0.png"))
    for _ in range(2):
        one.write(dataset, tmp_path / "out", "train")

    assert len(open_dataset(tmp_path / "out", "train")) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("one", [coco, voc, yolo, kitti], ids=lambda one: one.NAME)
def test_boxes_of_stored_pixels_stay_on_their_objects(
    one: WritableFormat, suffix: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    dataset = dataset_of(image_file(tmp_path / "a" / f"0{suffix}", exif=exif))
    for _ in range(2):
        one.write(dataset, tmp_path / "out", "train")

    (record,) = open_dataset(tmp_path / "out", "train").records
    x1, y1, x2, y2 = record.annotations.boxes[0].round().astype(int)
    assert read_image(record.path, record.size)[y1:y2, x1:x2].min() > 200


@pytest.mark.parametrize(
    ("split", "key"), [("train2017", "train"), ("all", "train"), ("trainval", "train"), ("valid", "val")]
)
def test_splits_are_written_with_the_names_of_yolo(split: str, key: str, tmp_path: Path) -> None:
    yolo.write(dataset_of(image_file(tmp_path / "a" / "0.png")), tmp_path / "out", split)

    assert splits(tmp_path / "out") == (key,)
    assert len(open_dataset(tmp_path / "out", key)) == 1


def test_splits_without_a_name_in_yolo_are_refused(tmp_path: Path) -> None:
    dataset = dataset_of(image_file(tmp_path / "a" / "0.png"))
    with pytest.raises(InputError, match=r"data.yaml knows no split 'mine': write it as train, val or test"):
        yolo.write(dataset, tmp_path / "out", "mine")
    yolo.write(dataset, tmp_path / "out", "train")
    with pytest.raises(InputError, match="has images/train as train already"):
        yolo.write(dataset, tmp_path / "out", "train2017")


def test_labels_beside_images_are_found_below_a_folder_called_images(tmp_path: Path) -> None:
    image = image_file(tmp_path / "images" / "set" / "train" / "0.png")
    image.with_suffix(".txt").write_text("0 0.5 0.5 0.1 0.1\n")

    assert label_file(image) == image.with_suffix(".txt")


def test_a_missing_test_split_is_an_error_only_when_it_is_read(tmp_path: Path) -> None:
    yolo.write(dataset_of(image_file(tmp_path / "a" / "0.png")), tmp_path / "out", "train")
    file = tmp_path / "out" / "data.yaml"
    file.write_text(file.read_text() + "test: ../test/images\n")

    assert len(open_dataset(tmp_path / "out", "train")) == 1
    with pytest.raises(InputError, match=r"test: '../test/images' is neither a folder nor a list file"):
        open_dataset(tmp_path / "out", "test")


def test_images_of_cvat_are_found(tmp_path: Path) -> None:
    coco.write(dataset_of(image_file(tmp_path / "a" / "0.png")), tmp_path / "out", "default")
    (tmp_path / "out" / "images").mkdir()
    (tmp_path / "out" / "default").rename(tmp_path / "out" / "images" / "default")

    (record,) = open_dataset(tmp_path / "out").records
    assert record.path.is_file()


@pytest.mark.parametrize("one", [voc, kitti], ids=lambda one: one.NAME)
def test_byte_order_marks_are_not_part_of_names(one: WritableFormat, tmp_path: Path) -> None:
    one.write(dataset_of(image_file(tmp_path / "a" / "0.png")), tmp_path / "out", "train")
    for file in (tmp_path / "out").rglob("*.txt"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())

    dataset = open_dataset(tmp_path / "out", "train")
    assert not dataset.defects or one is kitti
    assert [len(record.annotations) for record in dataset.records] == [1]


def test_a_voc_file_with_a_namespace_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    images = [image_file(tmp_path / "a" / f"{i}.png") for i in range(2)]
    voc.write(dataset_of(*images), tmp_path / "out", "train")
    file = tmp_path / "out" / "Annotations" / "0.xml"
    file.write_text(file.read_text().replace("<annotation>", '<annotation xmlns="http://a.b/c">'))

    dataset = open_dataset(tmp_path / "out", "train")
    assert dataset.categories.names == ("car",)
    assert sum(len(record.annotations) for record in dataset.records) >= 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_tiffs_are_turned_upright_once(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    plain = image_file(tmp_path / "a.png", exif=exif)
    tiff = image_file(tmp_path / "a.tif", exif=exif)

    assert np.array_equal(read_image(tiff), read_image(plain))
