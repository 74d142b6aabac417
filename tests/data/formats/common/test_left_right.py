import pytest

from centernet.data.formats.common.left_right import pairs_in, why_not_flipped
from centernet.structures import Categories, Skeleton
from centernet.structures.skeletons import COCO_PERSON, CROWDPOSE_PERSON


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_eye", "right_eye"),
        ("l_eye", "r_eye"),
        ("eye_left", "eye_right"),
        ("eye-L", "eye-R"),
        ("LeftEye", "RightEye"),
        ("eyeLeft", "eyeRight"),
        ("LEye", "REye"),
        ("Left Front Paw", "Right Front Paw"),
        ("leg_left_2", "leg_right_2"),
        ("legL2", "legR2"),
        ("left", "right"),
    ],
)
def test_names_that_differ_in_the_side_alone_pair(left: str, right: str) -> None:
    assert pairs_in(("nose", right, left)) == ((2, 1),)


@pytest.mark.parametrize(
    "names",
    [
        ("paw_LF", "paw_RF"),
        ("paw2LF_top", "paw3RF_top"),
        ("lefteye", "righteye"),
        ("left_eye", "r_eye"),
        ("left_eye", "right_ear"),
        ("left_eye", "eye_right"),
        ("left_eye", "LeftEye", "right_eye"),
        ("left_right_eye", "right_left_eye"),
        ("light", "right"),
        ("eye", "left_eye"),
    ],
)
def test_ambiguous_names_do_not_pair(names: tuple[str, ...]) -> None:
    assert pairs_in(names) == ()


@pytest.mark.parametrize("known", [COCO_PERSON, CROWDPOSE_PERSON])
def test_the_pairs_of_standard_skeletons_are_found_by_name(known: Skeleton) -> None:
    assert pairs_in(known.names) == known.pairs


def categories(*skeletons: Skeleton | None) -> Categories:
    names = ("person", "tube", "box")[: len(skeletons)]
    return Categories(names, tuple(range(len(skeletons))), skeletons)


def test_persons_and_boxes_can_be_flipped() -> None:
    assert why_not_flipped(categories(COCO_PERSON, None)) is None
    assert why_not_flipped(Categories.of("box")) is None


def test_a_skeleton_without_pairs_cannot_be_flipped() -> None:
    mixed = categories(COCO_PERSON, Skeleton(names=("cap", "end")))

    assert why_not_flipped(mixed) == "the keypoints of tube have no left-right pairs"


def test_a_left_keypoint_without_a_right_one_cannot_be_flipped() -> None:
    lopsided = categories(Skeleton(names=("left_eye", "right_eye", "left_ear"), pairs=((0, 1),)))

    assert why_not_flipped(lopsided) == "keypoint left_ear of person has no partner on the other side"
