import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.data.doctor.examine import examine
from centernet.data.doctor.preview import contact_sheet_of
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.errors import UsageError
from centernet.structures import Annotations, Categories, Dataset, Defect, ImageRecord, Skeleton


def record(path: Path, *boxes: tuple[float, ...], labels: Sequence[int] | None = None) -> ImageRecord:
    """An image of 128×128."""
    Image.new("RGB", (128, 128)).save(path)
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    annotations = Annotations.of(corners, np.array(labels or [0] * len(boxes), dtype=np.int64))
    return ImageRecord(path=path, image_id=1, annotations=annotations, source="a.txt", size=(128, 128))


def dataset(*records: ImageRecord, names: tuple[str, ...] = ("cat",)) -> Dataset:
    return Dataset(name="set", format="yolo", categories=Categories.of(*names), records=records)


def kinds(found: tuple[Defect, ...]) -> list[str]:
    return [defect.kind for defect in found]


def around(x: float, y: float, side: float = 8) -> tuple[float, float, float, float]:
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def test_two_centres_in_one_cell_collide(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(41, 41), around(43, 43, side=20), around(80, 80))

    (defect,) = examine(dataset(one), imgsz=128, stride=4).defects

    assert (defect.kind, defect.where) == ("objects in one cell", "a.txt:2")
    assert defect.message == "cat shares cell (10, 10) with line 1 at 128×128 px"


def test_a_larger_input_separates_the_centres(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(41, 41), around(43, 43, side=20))

    assert not examine(dataset(one), imgsz=512, stride=4).defects
    assert examine(dataset(one), imgsz=128, stride=4).defects
    assert examine(dataset(one), imgsz=512, stride=16).defects


@pytest.mark.parametrize(("imgsz", "stride"), [(0, 4), (64, 0), (-64, -4), (4, 8)])
def test_inputs_without_cells_are_refused(imgsz: int, stride: int, tmp_path: Path) -> None:
    dataset = open_dataset(write_scenes(tmp_path / "scenes", train=1, val=0, size=64), "train")

    for function in (examine, contact_sheet_of):
        with pytest.raises(UsageError, match=f"imgsz as much or more; got {stride} and {imgsz}"):
            function(dataset, imgsz=imgsz, stride=stride)


def test_classes_do_not_collide_with_each_other(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(41, 41), around(43, 43), labels=[0, 1])

    assert not examine(dataset(one, names=("cat", "dog")), imgsz=128).defects


def test_images_do_not_collide_with_each_other(tmp_path: Path) -> None:
    one, two = (record(tmp_path / f"{name}.png", around(41, 41)) for name in "ab")

    assert not examine(dataset(one, two), imgsz=128).defects


def test_crowd_regions_do_not_collide(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(41, 41), around(43, 43))
    crowd = replace(one.annotations, is_crowd=np.array([True, False]))

    report = examine(dataset(replace(one, annotations=crowd)), imgsz=128)

    assert not report.defects
    assert kinds(report.notes) == ["crowd regions"]
    assert (report.num_objects, report.num_crowds) == (1, 1)


@pytest.mark.parametrize("step", [(4, 0), (0, 4), (4, 4), (4, -4), (-4, 0)])
def test_centres_in_cells_that_touch_are_a_note(tmp_path: Path, step: tuple[int, int]) -> None:
    one = record(tmp_path / "a.png", around(42, 42), around(42 + step[0], 42 + step[1]))

    report = examine(dataset(one), imgsz=128)

    assert not report.defects
    (note,) = report.notes
    assert (note.kind, note.message) == ("objects in neighbouring cells", "1 pair of cat at 128×128 px")


def test_centres_two_cells_apart_are_no_note(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(42, 42), around(50, 42))

    assert not examine(dataset(one), imgsz=128).notes


def test_an_image_broken_in_the_middle_is_found_by_decoding(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = record(tmp_path / "a.png", around(42, 42))
    Image.fromarray(rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)).save(one.path)
    data = bytearray(one.path.read_bytes())
    data[len(data) // 2] ^= 255
    one.path.write_bytes(bytes(data))

    assert kinds(examine(dataset(one)).defects) == ["corrupt image"]
    assert not examine(dataset(one), read_images=False).defects


def test_every_decoded_image_is_passed_to_progress(tmp_path: Path) -> None:
    decoded = []

    def progress(records: Sequence[ImageRecord]) -> Iterator[ImageRecord]:
        for one in records:
            decoded.append(one.path.name)
            yield one

    examine(dataset(record(tmp_path / "a.png"), record(tmp_path / "b.png")), progress=progress)

    assert decoded == ["a.png", "b.png"]


def test_empty_classes_and_empty_images_are_reported(tmp_path: Path) -> None:
    report = examine(
        dataset(record(tmp_path / "a.png", around(42, 42)), record(tmp_path / "b.png"), names=("cat", "dog"))
    )

    assert [(one.kind, one.message) for one in report.defects] == [
        ("empty class", "no object is of class 'dog'")
    ]
    assert [(one.kind, one.where) for one in report.notes] == [
        ("images without objects", str(tmp_path / "b.png"))
    ]
    assert [(one.name, one.num_objects, one.num_images) for one in report.classes] == [
        ("cat", 1, 1),
        ("dog", 0, 0),
    ]


def test_defects_of_the_reader_are_in_the_report(tmp_path: Path) -> None:
    defect = Defect(kind="unknown class", where="a.txt:3", message="class 9", action="left out")
    whole = replace(dataset(record(tmp_path / "a.png", around(42, 42))), defects=(defect,))

    assert examine(whole).counts() == {"unknown class": 1}
    assert "unknown class: 1 → left out\n    a.txt:3: class 9" in examine(whole).text()


def test_side_lengths_are_those_of_squares_of_equal_area(tmp_path: Path) -> None:
    report = examine(dataset(record(tmp_path / "a.png", (0, 0, 8, 32))), imgsz=256)

    assert report.image_sides is not None
    assert report.input_sides is not None
    assert report.image_sides.median == pytest.approx(16)
    assert report.input_sides.largest == pytest.approx(32)


def test_an_empty_data_set_has_a_report(tmp_path: Path) -> None:
    gone = replace(record(tmp_path / "a.png", around(42, 42)), path=tmp_path / "gone.png")

    page = str(examine(dataset(gone)))

    assert "missing image: 1 → the image is left out with its object" in page
    assert "nothing to train on" in page


def test_the_report_is_short_unless_all_is_requested(tmp_path: Path) -> None:
    boxes = [(float(i), 5.0, float(i), 9.0) for i in range(20)]
    report = examine(dataset(record(tmp_path / "a.png", *boxes)))

    assert "… 15 more" in report.text()
    assert "a.txt:20" not in report.text()
    assert "a.txt:20" in report.text(limit=None)
    assert str(report) == report.text()


def test_a_line_of_the_report_has_at_most_300_letters_and_ends_with_what_to_do(tmp_path: Path) -> None:
    broken = [Defect(kind="box", where="x" * 200, message="y" * 200, action=action) for action in "ab"]
    text = examine(replace(dataset(record(tmp_path / "a.png")), defects=tuple(broken))).text()

    lines = [line for line in text.splitlines() if "yyy" in line]
    assert [line[-3:] for line in lines] == ["→ a", "→ b"]
    assert all(len(line) <= 300 for line in text.splitlines())


def test_the_report_is_plain_json(tmp_path: Path) -> None:
    plain = examine(dataset(record(tmp_path / "a.png", around(42, 42), (1, 1, 1, 1)))).to_json()

    back = json.loads(json.dumps(plain))
    assert back["counts"] == {"zero-area box": 1}
    assert back["defects"][0]["where"] == "a.txt:2"
    assert back["classes"] == [{"name": "cat", "num_objects": 1, "num_images": 1}]


def test_the_known_defects_of_the_blood_cells_are_found(real_data: Path) -> None:
    report = examine(open_dataset(real_data / "bccd", "train"), imgsz=512, read_images=False)

    places = [one.where for one in report.defects if one.kind == "zero-area box"]
    assert [Path(place).name for place in places] == ["BloodImage_00338.xml:158", "BloodImage_00343.xml:50"]
    assert report.num_objects == 1273


def test_an_image_that_is_left_out_does_not_stop_training(tmp_path: Path) -> None:
    one, two = (record(tmp_path / f"{name}.png", around(41, 41)) for name in "ab")
    two.path.write_bytes(b"")
    report = examine(dataset(one, two))

    assert kinds(report.defects) == ["corrupt image"]
    assert report.is_trainable


def test_keypoints_are_counted_class_by_class(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(40, 40), around(80, 80), around(100, 40), labels=[0, 0, 1])
    keypoints = [[[38, 40, 2], [42, 40, 1]], [[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    annotations = replace(one.annotations, keypoints=np.array(keypoints, dtype=np.float32))
    eyes = Skeleton(names=("left_eye", "right_eye"), pairs=((0, 1),), sigmas=(0.1, 0.1))
    categories = Categories(("cat", "box"), (0, 1), (eyes, None))

    report = examine(replace(dataset(replace(one, annotations=annotations)), categories=categories))

    (counted,) = report.skeletons
    assert (counted.name, counted.num_objects, counted.num_without, counted.num_pairs) == ("cat", 2, 1, 1)
    assert [(key.name, key.num_labelled, key.num_hidden) for key in counted.keypoints] == [
        ("left_eye", 1, 0),
        ("right_eye", 1, 1),
    ]
    assert counted.labelled_share == 1
    assert not report.defects
    assert "cat: 2 keypoints, 1 left-right pair, sigmas known" in report.text()
    assert "100% are labelled on 1 object; 1 object without any" in report.text()
    assert json.loads(json.dumps(report.to_json()))["skeletons"][0]["labelled_share"] == 1


def test_a_class_without_labelled_keypoints_has_a_table(tmp_path: Path) -> None:
    one = record(tmp_path / "a.png", around(40, 40))
    annotations = replace(one.annotations, keypoints=np.zeros((1, 30, 3), dtype=np.float32))
    names = tuple(f"joint_{number}" for number in range(30))
    categories = Categories(("cat",), (0,), (Skeleton(names=names),))

    page = str(examine(replace(dataset(replace(one, annotations=annotations)), categories=categories)))

    assert "30 keypoints, 0 left-right pairs, sigmas not known" in page
    assert "0% are labelled on 0 objects; 1 object without any" in page
    assert "… 10 more" in page


def test_the_persons_of_the_real_subset_are_counted(real_data: Path) -> None:
    dataset = open_dataset(real_data / "coco_cc", "train", with_keypoints=True)
    (persons,) = examine(dataset, read_images=False).skeletons

    # Four of the 105 are crowd regions, which have no keypoints.
    assert persons.num_objects - persons.num_without == 55
    assert sum(one.num_labelled for one in persons.keypoints) == 484
