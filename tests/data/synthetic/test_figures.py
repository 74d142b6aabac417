from pathlib import Path

import numpy as np
import pytest

from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset
from centernet.data.formats.common.left_right import why_not_flipped
from centernet.data.synthetic import FIGURES, Scenes, generate, write_scenes
from centernet.data.synthetic.figures import Figure, figure_skeleton
from centernet.data.synthetic.layouts import SceneLayout
from centernet.data.synthetic.painting import render
from centernet.errors import UsageError

COUNTS = pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12, 13, 14, 17, 30])


def two_points(x: float, y: float) -> Figure:
    """A head on a line of 20 pixels that goes down to the tail."""
    return Figure(keypoints=np.array([(x, y), (x, y + 20)], dtype=float), height_px=40.0)


def ground_truth(*figures: Figure, max_hidden: float = 0.99) -> np.ndarray:
    random = np.random.Generator(np.random.PCG64(0))
    _, annotations = render(SceneLayout(size=(60, 80), shapes=figures, num_keypoints=2), max_hidden, random)
    return annotations.keypoints


@COUNTS
def test_a_skeleton_of_any_size_is_connected(count: int) -> None:
    skeleton = figure_skeleton(count)
    reached = {0}
    for _ in range(count):
        reached |= {end for edge in skeleton.edges if reached & set(edge) for end in edge}

    assert len(skeleton) == len(set(skeleton.names)) == len(skeleton.sigmas) == count
    assert reached == set(range(count))
    assert len(skeleton.pairs) == (count - 1) // 2


def test_thirteen_keypoints_are_those_of_a_person() -> None:
    skeleton = figure_skeleton(13)

    assert skeleton.names[0] == "head"
    assert {name.split("_")[1] for name in skeleton.names[1:]} == {
        *("shoulder", "elbow", "wrist"),
        *("hip", "knee", "ankle"),
    }
    assert why_not_flipped(Scenes(mode=FIGURES).categories) is None


@COUNTS
def test_every_labelled_keypoint_is_inside_image_and_box(count: int) -> None:
    for sample in generate(8, mode=FIGURES, size=(96, 128), num_keypoints=count):
        annotations = sample.annotations
        assert annotations.keypoints.shape == (len(annotations), count, 3)
        for box, keypoints in zip(annotations.boxes, annotations.keypoints, strict=True):
            labelled = keypoints[keypoints[:, 2] > 0]
            assert (labelled[:, :2] >= box[:2] - 0.5).all()
            assert (labelled[:, :2] <= box[2:] - 0.5).all()
            assert not keypoints[keypoints[:, 2] == 0].any()


def test_scenes_have_visible_hidden_and_outside_keypoints() -> None:
    samples = list(generate(60, mode=FIGURES))
    visibility = np.concatenate([sample.annotations.keypoints[..., 2].ravel() for sample in samples])
    fractions = np.bincount(visibility.astype(int)) / len(visibility)

    assert {len(sample.annotations) for sample in samples} == {1, 2, 3, 4}
    assert 0.02 < fractions[0] < 0.25
    assert 0.02 < fractions[1] < 0.25


def test_figures_face_the_viewer() -> None:
    for sample in generate(20, mode=FIGURES):
        for keypoints in sample.annotations.keypoints:
            left, right = keypoints[1], keypoints[4]
            if left[2] and right[2]:
                assert left[0] > right[0]


def test_a_keypoint_behind_a_nearer_figure_is_hidden() -> None:
    behind, before = two_points(30, 10), two_points(30, 28)

    # The nearer head covers the tail of the figure behind it; its own head is visible.
    assert ground_truth(behind, before)[:, :, 2].tolist() == [[2, 1], [2, 2]]
    assert ground_truth(before, behind)[:, :, 2].tolist() == [[1, 2], [2, 2]]


def test_a_keypoint_outside_the_image_is_not_labelled() -> None:
    assert ground_truth(two_points(30, 45))[0].tolist() == [[30, 45, 2], [0, 0, 0]]


def test_the_two_sides_have_two_colours_of_which_either_may_be_left() -> None:
    # The elbows' discs are pale, so check beside them, half way to the wrists.
    warmer = []
    for sample in generate(40, mode=FIGURES):
        for keypoints in sample.annotations.keypoints:
            if (keypoints[1:7, 2] == 2).all():
                middles = ((keypoints[[2, 5], :2] + keypoints[[3, 6], :2]) / 2).astype(int)
                left, right = sample.image[middles[:, 1], middles[:, 0]].astype(int)
                assert np.abs(left - right).max() > 24
                warmer.append(left[0] > right[0])

    assert 0.2 < np.mean(warmer) < 0.8


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_reading_restores_written_figures(tmp_path: Path, name: str) -> None:
    folder = write_scenes(
        tmp_path / "scenes", train=2, val=40, mode=FIGURES, num_keypoints=7, seed=3, format=name
    )
    dataset = open_dataset(folder, "val", with_keypoints=True)
    scenes = Scenes(mode=FIGURES, num_keypoints=7, seed=3)

    assert dataset.categories == scenes.categories
    assert not dataset.defects
    assert not clean(dataset)[1]
    for index, record in enumerate(sorted(dataset.records, key=lambda record: record.path)):
        made = scenes.sample(index, "val").annotations
        assert record.annotations.keypoints == pytest.approx(made.keypoints, abs=1e-3)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again = (list(generate(3, mode=FIGURES, seed=7)) for _ in range(2))

    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.annotations.keypoints, other.annotations.keypoints)


def test_writing_figures_as_voc_without_keypoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="VOC has no keypoints: write figures as coco or yolo"):
        write_scenes(tmp_path / "scenes", mode=FIGURES, format="voc")


@pytest.mark.parametrize("count", [0, 62])
def test_an_invalid_number_of_keypoints_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"num_keypoints is 1 to 61; got {count}"):
        generate(1, mode=FIGURES, num_keypoints=count)
