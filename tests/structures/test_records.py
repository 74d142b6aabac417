"""Images in flat arrays are the same images, in this process, in a copy and in a process that is spawned."""

import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from centernet.structures import Annotations, ImageRecord
from centernet.structures.mapped_file import TemporaryArrays, read_arrays
from centernet.structures.records import Records
from centernet.structures.texts import Texts


def record(number: int, count: int, **more: object) -> ImageRecord:
    rng = np.random.default_rng(number)
    boxes = rng.uniform(0, 100, (count, 4)).astype(np.float32)
    objects = Annotations.of(boxes, rng.integers(0, 3, count), rng.random((count, 2, 3)).astype(np.float32))
    given: dict[str, object] = {
        "path": Path(f"here/{number}.jpg"),
        "image_id": 10 * number,
        "annotations": objects,
        "source": f"{number // 2}.txt",
    }
    return ImageRecord(**{**given, **more})  # type: ignore[arg-type]


RECORDS = (
    record(0, 2, size=(30, 40)),
    record(1, 0),
    record(2, 3, camera=np.arange(12.0).reshape(3, 4)),
    record(3, 1, path=Path("here/\udcff ü.jpg")),
)


def assert_same(one: Sequence[ImageRecord], other: Sequence[ImageRecord]) -> None:
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert (left.path, left.image_id, left.source, left.size) == (
            right.path,
            right.image_id,
            right.source,
            right.size,
        )
        assert (left.camera is None) == (right.camera is None)
        if left.camera is not None:
            assert (left.camera == right.camera).all()
        for item in fields(Annotations):
            mine, its = getattr(left.annotations, item.name), getattr(right.annotations, item.name)
            assert mine.dtype == its.dtype
            np.testing.assert_array_equal(mine, its)


def test_records_come_back_from_arrays_as_they_went_in() -> None:
    records = Records.of(RECORDS)

    assert_same(records, RECORDS)
    assert Records.of(records) is records
    assert records.counts.tolist() == [2, 0, 3, 1]


def test_chosen_images_keep_their_objects() -> None:
    records = Records.of(RECORDS)

    assert_same(records[1:3], RECORDS[1:3])
    assert_same(records.take(np.array([3, 0])), (RECORDS[3], RECORDS[0]))
    assert_same(records.take(records.counts > 1), (RECORDS[0], RECORDS[2]))
    assert records[-1].image_id == 30
    with pytest.raises(IndexError):
        records[4]


def test_objects_that_are_left_out_leave_the_others_with_their_images() -> None:
    keep = np.array([True, False, False, True, True, True])
    records = Records.of(RECORDS).with_objects(keep)

    assert records.counts.tolist() == [1, 0, 2, 1]
    assert (records[2].annotations.boxes == RECORDS[2].annotations.boxes[1:]).all()


def test_annotations_of_a_view_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Records.of(RECORDS)[0].annotations.boxes[0] = 0


def test_values_that_no_object_has_take_no_memory() -> None:
    assert not {"boxes3d", "alpha_rad", "truncation", "occlusion"} & set(Records.of(RECORDS).objects)


def test_a_pickle_holds_the_records_and_needs_no_file() -> None:
    assert_same(pickle.loads(pickle.dumps(Records.of(RECORDS))), RECORDS)


def _sum_of_boxes(records: Records, queue: "multiprocessing.Queue[tuple[float, bool]]") -> None:
    boxes = records.objects["boxes"]
    queue.put((float(boxes.sum(dtype=np.float64)), boxes.flags.owndata))


def test_a_spawned_process_maps_the_arrays_of_a_large_data_set() -> None:
    records = Records.of([record(number, 300) for number in range(200)])
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[tuple[float, bool]] = context.Queue()
    process = context.Process(target=_sum_of_boxes, args=(records, queue))
    process.start()
    total, is_copy = queue.get(timeout=120)
    process.join()

    assert total == records.objects["boxes"].sum(dtype=np.float64)
    assert not is_copy
    file = vars(records)["_shared"].path
    assert file.is_file()
    del records
    assert not file.exists()


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data[:30], lambda data: b"x" + data])
def test_a_file_of_arrays_that_is_not_whole_is_refused(tmp_path: Path, harm: object) -> None:
    written = TemporaryArrays.of({"a": np.arange(5), "none": np.zeros((0, 3), np.float32)}, ["about"])
    arrays, about = read_arrays(written.path)
    broken = tmp_path / "broken"
    broken.write_bytes(harm(written.path.read_bytes()))  # type: ignore[operator]

    assert (arrays["a"].tolist(), arrays["none"].shape, about) == ([0, 1, 2, 3, 4], (0, 3), ["about"])
    with pytest.raises(ValueError, match=r"cut short|another kind"):
        read_arrays(broken)


def test_texts_of_any_letters_come_back() -> None:
    texts = ["a", "", "ü/日本.jpg", "\udcff", "\ud800"]

    assert Texts.of(texts).to_list() == list(Texts.of(texts)) == texts
    assert list(Texts.of(texts).take(np.array([3, 0]))) == ["\udcff", "a"]
