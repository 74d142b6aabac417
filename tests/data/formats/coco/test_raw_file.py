"""The typed reader and `json` give the same data set, whatever the file holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from centernet.data.formats import coco
from centernet.data.formats.coco import raw_file
from centernet.structures import Dataset

NUMBERS = st.sampled_from([0, 1, 2, 7, -3, 1.0, 2.5, 1e12, 2**70, "1", "2.0", "x", True, None, [], {}])
BOXES = st.one_of(
    st.lists(st.sampled_from([0, 1, 5, 10.5, 3e9, "4", None, True]), min_size=3, max_size=5),
    st.sampled_from([None, [], "box", [1, 2, 30, 40], [1.5, 2, 30, 40.25], [10**400, 1, 2, 3]]),
)
OUTLINES = st.sampled_from([[], None, [[1, 1, 9, 1, 9, 9]], [[1, 2]], {"size": [4, 4], "counts": [3, 5, 8]}])
ANNOTATION = st.fixed_dictionaries(
    {},
    optional={
        "id": NUMBERS,
        "image_id": st.sampled_from([1, 1, 1, 2, "1", "b", 9]),
        "category_id": st.sampled_from([1, 1, 1, 1.0, "2", 3]),
        "bbox": BOXES,
        "area": NUMBERS,
        "iscrowd": st.sampled_from([0, 1, None, "yes", 2, 1.0, True]),
        "segmentation": OUTLINES,
        "keypoints": st.sampled_from([None, [], [1, 2, 2, 0, 0, 0], [1, 2], "no", [1, 2, 7, None, 1, 1]]),
        "dim": st.sampled_from([None, [1, 2, 3], [1, 2]]),
        "location": st.sampled_from([None, [1, 2, 3], [1, 2, -3]]),
        "rotation_y": NUMBERS,
    },
)
IMAGES = [
    {"id": 1, "file_name": "a.jpg", "width": 50, "height": 40},
    {"id": "b", "file_name": "ü.jpg", "width": "50", "camera": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
    {"id": 2, "file_name": "c.jpg", "height": -1, "camera": None, "calib": [[1]]},
]
CATEGORIES = [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"]}, {"id": 2, "name": "dog"}]


def facts(dataset: Dataset) -> list[Any]:
    records = [
        {name: repr(value) for name, value in {**vars(one), **vars(one.annotations)}.items()}
        for one in dataset.records
    ]
    return [records, dataset.categories, list(map(str, dataset.defects)), list(map(str, dataset.notes))]


def read_both(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    typed = facts(coco.read(file))
    with monkeypatch.context() as patched:
        patched.setattr(raw_file, "_read_typed", lambda _data: None)
        return typed, facts(coco.read(file))


@given(st.lists(ANNOTATION, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_both_readers_give_the_same_data_set_and_the_same_defects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annotations: list[dict[str, Any]]
) -> None:
    content = {"images": IMAGES, "categories": CATEGORIES, "annotations": annotations}
    file = tmp_path / "train.json"
    file.write_text(json.dumps(content))
    typed, plain = read_both(file, monkeypatch)

    assert typed == plain


@pytest.mark.parametrize(
    "annotation",
    ['{"image_id":1,"category_id":1,"bbox":[1,2,NaN,4]}', "7", '{"a":1,"a":"\\u006b"}'],
)
def test_what_the_typed_reader_refuses_is_read_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annotation: str
) -> None:
    head = json.dumps({"images": IMAGES, "categories": CATEGORIES})[:-1]
    file = tmp_path / "train.json"
    file.write_text(f'{head}, "annotations": [{annotation}]}}')
    typed, plain = read_both(file, monkeypatch)

    assert typed == plain
    assert len(typed[2]) >= 1


def test_names_of_fields_may_be_escaped_and_a_mark_may_begin_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotation = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [1, 2, 2, 3, 4, 2]}
    content = {"images": IMAGES, "categories": CATEGORIES, "annotations": [annotation]}
    text = json.dumps(content).replace('"keypoints": [1', '"\\u006beypoints": [1')
    file = tmp_path / "train.json"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    typed, plain = read_both(file, monkeypatch)

    assert typed == plain
    assert coco.read(file).records[0].annotations.keypoints[0, 1].tolist() == [3, 4, 2]
