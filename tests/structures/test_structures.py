"""The nouns: what they promise about keypoints."""

from typing import Any

import numpy as np
import pytest

from centernet.structures import Annotations, Categories, Skeleton

FACE = Skeleton(names=("nose", "left eye", "right eye"), edges=((0, 1), (0, 2)), pairs=((1, 2),))


def test_a_mirror_exchanges_the_keypoints_of_a_pair() -> None:
    assert FACE.mirrored == (0, 2, 1)


def test_classes_with_fewer_keypoints_fill_up_to_the_class_with_most() -> None:
    tube = Skeleton(names=("tip", "end"), pairs=((0, 1),))
    categories = Categories(("face", "box", "tube"), (1, 2, 3), (FACE, None, tube))

    assert categories.num_keypoints == (3, 0, 2)
    assert categories.max_keypoints == 3
    assert categories.mirrored.tolist() == [[0, 2, 1], [0, 1, 2], [1, 0, 2]]


def test_classes_have_no_keypoints_unless_they_say_so() -> None:
    categories = Categories.of("a", "b")

    assert categories.num_keypoints == (0, 0)
    assert categories.mirrored.shape == (2, 0)
    assert Annotations.of(np.ones((2, 4)), np.zeros(2, int)).keypoints.shape == (2, 0, 3)
    assert Annotations.none(5).keypoints.shape == (0, 5, 3)


def test_objects_are_chosen_with_their_keypoints() -> None:
    keypoints = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    objects = Annotations.of(np.ones((2, 4), np.float32), np.zeros(2, int), keypoints)

    assert (objects[np.array([False, True])].keypoints == keypoints[1:]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"edges": ((0, 3),)}, r"edge \(0, 3\) of a skeleton names no keypoint: there are 3, from 0"),
        ({"pairs": ((1, 1),)}, r"pair \(1, 1\) of a skeleton joins a keypoint with itself"),
        ({"pairs": ((0, 1), (1, 2))}, "a keypoint is in two left-right pairs"),
        ({"sigmas": (0.1, 0.1)}, "3 keypoints but 2 sigmas: give one for each keypoint"),
        ({"sigmas": (0.1, 0.1, 0.0)}, "sigmas are above 0"),
    ],
)
def test_a_skeleton_that_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Skeleton(names=("a", "b", "c"), **settings)


def test_one_skeleton_for_each_class() -> None:
    with pytest.raises(ValueError, match="2 category names but 1 skeletons"):
        Categories(("a", "b"), (0, 1), (None,))
