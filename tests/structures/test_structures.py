"""Records: their keypoints, and the columns that need not be given."""

from typing import Any

import numpy as np
import pytest
import torch

from centernet.structures import Annotations, Categories, Skeleton
from centernet.structures.batch import BatchAnnotations

FACE = Skeleton(names=("nose", "left eye", "right eye"), edges=((0, 1), (0, 2)), pairs=((1, 2),))


def test_a_horizontal_flip_exchanges_the_keypoints_of_a_pair() -> None:
    assert FACE.flip_indices == (0, 2, 1)


def test_classes_with_fewer_keypoints_are_padded_to_the_class_with_most() -> None:
    tube = Skeleton(names=("tip", "end"), pairs=((0, 1),))
    categories = Categories(("face", "box", "tube"), (1, 2, 3), (FACE, None, tube))

    assert categories.num_keypoints == (3, 0, 2)
    assert categories.max_keypoints == 3
    assert categories.flip_indices.tolist() == [[0, 2, 1], [0, 1, 2], [1, 0, 2]]


def test_classes_have_no_keypoints_by_default() -> None:
    categories = Categories.of("a", "b")

    assert categories.num_keypoints == (0, 0)
    assert categories.flip_indices.shape == (2, 0)
    assert Annotations.of(np.ones((2, 4)), np.zeros(2, int)).keypoints.shape == (2, 0, 3)
    assert Annotations.none(5).keypoints.shape == (0, 5, 3)


def test_optional_columns_have_a_row_for_each_object() -> None:
    objects = Annotations.of(np.ones((2, 4), np.float32), np.zeros(2, int))
    batch = BatchAnnotations(
        boxes=torch.ones(2, 4), labels=torch.zeros(2, dtype=torch.long), image_index=torch.tensor([0, 1])
    )

    assert np.isnan(objects.boxes3d).all()
    assert objects.boxes3d.shape == (2, 7)
    assert objects.truncation.tolist() == objects.occlusion.tolist() == [-1, -1]
    assert batch.keypoints.shape == (2, 0, 3)
    assert batch.cameras.isnan().all()
    assert batch.cameras.shape == (2, 3, 4)
    assert batch.is_ignored.tolist() == [False, False]


def test_objects_are_indexed_with_their_keypoints() -> None:
    keypoints = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    objects = Annotations.of(np.ones((2, 4), np.float32), np.zeros(2, int), keypoints)

    assert (objects[np.array([False, True])].keypoints == keypoints[1:]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"edges": ((0, 3),)}, r"edge \(0, 3\) of a skeleton names no keypoint: there are 3, counted from 0"),
        ({"pairs": ((1, 1),)}, r"pair \(1, 1\) of a skeleton joins a keypoint with itself"),
        ({"pairs": ((0, 1), (1, 2))}, "a keypoint is in two left-right pairs"),
        ({"sigmas": (0.1, 0.1)}, "3 keypoints but 2 sigmas: give one for each keypoint"),
        ({"sigmas": (0.1, 0.1, 0.0)}, "sigmas are above 0"),
    ],
)
def test_an_invalid_skeleton_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Skeleton(names=("a", "b", "c"), **settings)


def test_each_class_needs_a_skeleton_or_none() -> None:
    with pytest.raises(ValueError, match="2 category names but 1 skeletons"):
        Categories(("a", "b"), (0, 1), (None,))
