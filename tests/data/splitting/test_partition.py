"""The images that are held out depend on what they are, keep copies together and hold every class."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from centernet.data.splitting.partition import groups_by_folder, hold_out, split_by_content
from centernet.structures import Annotations, ImageRecord


def record(path: str | Path, *labels: int) -> ImageRecord:
    boxes = np.tile(np.array([[0, 0, 9, 9]], dtype=np.float32), (len(labels), 1))
    annotations = Annotations.of(boxes, np.array(labels, dtype=np.int64))
    return ImageRecord(path=Path(path), image_id=0, annotations=annotations, source="")


def names_held_out(records: list[ImageRecord], fraction: float = 0.2) -> set[str]:
    mask, _ = hold_out(records, np.arange(len(records)), fraction)
    return {one.path.name for one, is_out in zip(records, mask, strict=True) if is_out}


@pytest.mark.parametrize(
    ("count", "fraction", "expected"), [(100, 0.2, 20), (4, 0.2, 1), (10, 0.34, 3), (5, 0.9, 4)]
)
def test_the_fraction_is_rounded_and_each_part_has_an_image(
    count: int, fraction: float, expected: int
) -> None:
    assert len(names_held_out([record(f"{n}.jpg", 0) for n in range(count)], fraction)) == expected


def test_neither_the_order_nor_the_folder_of_the_images_matters() -> None:
    records = [record(f"here/{n}.jpg", n % 3) for n in range(50)]
    moved = [record(f"there/below/{n}.jpg", n % 3) for n in range(50)]
    shuffled = [moved[index] for index in np.random.default_rng(0).permutation(50)]

    assert names_held_out(records) == names_held_out(shuffled)


def test_the_choice_never_changes() -> None:
    # Runs of earlier versions are compared with those of later ones.
    assert names_held_out([record(f"{n}.jpg", 0) for n in range(10)]) == {"0.jpg", "5.jpg"}


def test_a_rare_class_is_in_both_parts() -> None:
    records = [record(f"{n}.jpg", *([0] if n % 20 else [0, 1])) for n in range(100)]
    held_out = names_held_out(records)
    is_rare = {one.path.name for one in records if 1 in one.annotations.labels}

    assert len(is_rare) == 5
    assert 1 <= len(held_out & is_rare) < 5


def test_the_only_image_of_a_class_is_trained_on() -> None:
    records = [record(f"{n}.jpg", int(n == seventh)) for n in range(20) for seventh in (7,)]

    assert "7.jpg" not in names_held_out(records, 0.9)


def test_the_images_held_out_have_objects() -> None:
    records = [record(f"{n}.jpg", *([0] if n in (11, 12) else [])) for n in range(20)]

    assert len(names_held_out(records, 0.1) & {"11.jpg", "12.jpg"}) == 1


def test_one_image_is_held_out_even_if_each_has_a_class_of_its_own() -> None:
    assert len(names_held_out([record(f"{n}.jpg", n) for n in range(4)])) == 1


def test_folders_stay_together() -> None:
    records = [record(f"day{n // 10}/{n}.jpg", 0) for n in range(100)]
    mask, is_by_name = hold_out(records, groups_by_folder(records), 0.2)

    assert not is_by_name
    assert sorted(mask.reshape(10, 10).sum(axis=1).tolist()) == [0] * 8 + [10, 10]


def test_of_frames_that_are_all_alike_the_last_are_held_out() -> None:
    records = [record(f"{n}.jpg", 0) for n in range(1, 21)]
    mask, is_by_name = hold_out(records, np.zeros(20, dtype=np.int64), 0.2)

    assert is_by_name
    assert mask.tolist() == [False] * 16 + [True] * 4


def test_copies_of_an_image_are_held_out_together(tmp_path: Path) -> None:
    records = []
    for number in range(12):
        patches = np.random.default_rng(number % 6).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), cv2.resize(patches, (64, 64)))
        records.append(record(path, 0))
    partition = split_by_content(records, 0.34)

    assert partition.num_copies == 12
    assert partition.is_held_out[:6].tolist() == partition.is_held_out[6:].tolist()
    assert partition.is_held_out.sum() == 4


def test_images_that_were_made_from_one_are_held_out_together() -> None:
    names = [f"{number}_jpg.rf.{code}.jpg" for number in range(10) for code in ("0aF1", "9cd2")]
    partition = split_by_content([replace(record(name, 0), image_id=1) for name in names], 0.2)

    assert partition.is_held_out.reshape(10, 2).sum(axis=1).tolist().count(2) == 2
    assert partition.is_held_out.sum() == 4


def test_a_file_name_that_is_not_utf_8_has_a_place_in_the_order() -> None:
    records = [record(f"{number}.png", 0) for number in range(9)]

    assert len(names_held_out([*records, record("\udcff.png", 0)])) == 2
