"""Skeletons recognised by name, overridden by settings, and completed from weights."""

import pytest

from centernet.errors import UsageError
from centernet.structures import Categories, Skeleton
from centernet.structures.skeletons import COCO_PERSON, fill_skeleton, known_skeleton, override_skeleton

FACE = Skeleton(names=("nose", "left_eye", "right_eye"))
FACES = Categories(("box", "face"), (1, 2), (None, FACE))


def test_names_with_other_separators_are_recognised() -> None:
    names = [name.replace("_", " ").title() for name in COCO_PERSON.names]
    found = known_skeleton(names)

    assert found is not None
    assert found.sigmas == COCO_PERSON.sigmas
    assert found.names == tuple(names)
    assert known_skeleton(names[1:]) is None


def test_a_skeleton_is_overridden_by_names_or_numbers() -> None:
    overridden = override_skeleton(
        FACES, edges="0:left_eye, nose:2", flip_pairs="left_eye:right_eye", sigmas="0.02,0.03,0.03"
    )
    _, face = overridden.skeletons

    assert face is not None
    assert face.edges == ((0, 1), (0, 2))
    assert face.pairs == ((1, 2),)
    assert face.sigmas == (0.02, 0.03, 0.03)
    assert overridden.names == FACES.names


def test_fields_without_a_setting_stay() -> None:
    overridden = override_skeleton(override_skeleton(FACES, edges="0:1"), sigmas="1,2,3")

    assert overridden.skeletons[1] == Skeleton(names=FACE.names, edges=((0, 1),), sigmas=(1.0, 2.0, 3.0))
    assert override_skeleton(FACES) is FACES


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"edges": "0:3"}, "edges are pairs of keypoints such as 0:1,2:3 or nose:right_eye; got '0:3'"),
        ({"flip_pairs": "1-2"}, "flip_pairs are pairs .* got '1-2': there are 3, counted from 0"),
        ({"flip_pairs": "1:2,2:0"}, "a keypoint is in two left-right pairs"),
        ({"edges": "1:1"}, "joins a keypoint with itself"),
        ({"sigmas": "0.1,0.2"}, "3 keypoints but 2 sigmas"),
        ({"sigmas": "0.1,a,b"}, "sigmas are numbers such as 0.026,0.025; got '0.1,a,b'"),
        ({"sigmas": "0.1,0,0.1"}, "sigmas are above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        override_skeleton(FACES, **settings)


def test_settings_need_exactly_one_class_with_keypoints() -> None:
    with pytest.raises(UsageError, match="for one class with keypoints, and here are 2"):
        override_skeleton(Categories(("a", "b"), (1, 2), (FACE, FACE)), edges="0:1")
    with pytest.raises(UsageError, match="and here are 0"):
        override_skeleton(Categories.of("box"), sigmas="1")


def test_fields_missing_in_a_data_set_come_from_the_weights() -> None:
    weights = override_skeleton(FACES, edges="0:1", sigmas="1,2,3")
    data = override_skeleton(FACES, sigmas="4,5,6")

    assert fill_skeleton(data, weights) == override_skeleton(FACES, edges="0:1", sigmas="4,5,6")
    assert fill_skeleton(Categories.of("box", "face"), weights) == Categories.of("box", "face")
