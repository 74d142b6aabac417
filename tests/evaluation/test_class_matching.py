"""Classes of weights and of a data set, compared by name."""

from dataclasses import replace

import numpy as np
import pytest
from tests.helpers.pets import BOXES, make_dataset, make_detections

from centernet.errors import InputError
from centernet.evaluation import evaluate
from centernet.evaluation.class_matching import comparable
from centernet.structures import Categories, Skeleton

# The data set has cat, dog and owl; of owls it has no object.


@pytest.mark.parametrize("known", [("cat", "dog", "owl"), ("owl", "cat", "dog")])
def test_the_same_classes_in_any_order_are_all_compared(known: tuple[str, ...]) -> None:
    dataset, notes = comparable(make_dataset(), Categories.of(*known))

    assert dataset.categories == make_dataset().categories
    assert notes == ()


def test_classes_that_the_weights_do_not_know_are_named_and_left_out() -> None:
    known = Categories.of("dog")
    dataset, notes = comparable(make_dataset(), known)
    evaluation = evaluate(dataset, [make_detections(7, BOXES[2:], [0], known)])

    assert notes == ("not compared: cat, owl (3 objects): the weights know no such class",)
    assert dataset.categories == Categories(("dog",), (3,))
    assert evaluation["AP"] == 1
    assert [(one.name, one.objects) for one in evaluation.coco.classes] == [("dog", 1)]


def test_classes_that_the_data_set_lacks_are_named() -> None:
    known = Categories.of("cat", "fox", "dog", "owl")
    dataset, notes = comparable(make_dataset(), known)
    evaluation = evaluate(
        dataset, [make_detections(7, np.concatenate([BOXES, BOXES]), [0, 0, 2, 1, 1, 1], known)]
    )

    assert notes == ("not compared: fox: this data set has no such class",)
    assert evaluation["AP"] == evaluation["precision"] == 1


def test_a_skeleton_takes_what_it_lacks_from_the_class_of_the_same_name() -> None:
    bare, known = Skeleton(names=("nose", "tail")), Skeleton(names=("nose", "tail"), edges=((0, 1),))
    pets = replace(make_dataset().categories, skeletons=(None, bare, None))
    dataset, _ = comparable(
        replace(make_dataset(), categories=pets),
        Categories(("dog", "cat", "owl"), (0, 1, 2), (known, None, None)),
    )

    assert dataset.categories.skeletons == (None, known, None)


def test_without_a_class_in_common_both_lists_are_named() -> None:
    many = Categories.of(*(f"class {number} {'x' * 60}" for number in range(80)))
    with pytest.raises(InputError, match="no class in common, train it on this data set first") as error:
        comparable(make_dataset(), many)

    assert "cat, dog, owl" in str(error.value)
    assert "and 74 more" in str(error.value)
    assert len(str(error.value)) <= 400
