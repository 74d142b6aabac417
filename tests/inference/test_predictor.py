"""From images to detections: flips, scales, batches and settings of the task."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from centernet.detections import Detections
from centernet.errors import UsageError
from centernet.geometry.resize import Letterbox, PadToMultiple, ResizeLongestSide, ResizeRule
from centernet.inference.options import InferenceOptions
from centernet.inference.predictor import TorchPredictor
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.structures import Categories, Skeleton
from centernet.structures.sample import sample_of
from centernet.tasks.detect import Detect
from centernet.tasks.pose import Pose

IMAGE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
TASK = Detect(num_classes=2, top_k=20)


@pytest.fixture(scope="module")
def predictor() -> TorchPredictor:
    """Random weights with detections everywhere."""
    torch.manual_seed(0)
    architecture = Architecture(backbone="timm/resnet10t", channels=16, head_channels=16)
    network = architecture.build(TASK.heads).eval()
    heads = network.heads[0]
    heads["heatmap"][-1].weight.data.mul_(20)
    heads["size"][-1].bias.data.fill_(4)
    # In a flip an input pixel x becomes 63 - x: an offset of three eighths of a cell stays where it is.
    heads["offset"][-1].weight.data.zero_()
    heads["offset"][-1].bias.data.fill_(3 / 8)
    return TorchPredictor(
        network=network,
        task=TASK,
        categories=Categories.of("red", "blue"),
        rule=Letterbox(height=64, width=64),
        normalize=Normalize(),
        architecture=architecture,
    )


def detect(predictor: TorchPredictor, image: np.ndarray, **options: object) -> Detections:
    (found,) = predictor.detect([sample_of(image, "image")], InferenceOptions(**options))  # type: ignore[arg-type]
    return found


def as_rows(found: Detections) -> np.ndarray:
    table = np.column_stack([found.scores, found.labels, found.boxes])
    return table[np.lexsort((table[:, 2], table[:, 3], -table[:, 0].round(4)))]


def test_with_flip_the_detections_of_a_flipped_image_are_the_flipped_detections(
    predictor: TorchPredictor,
) -> None:
    plain = detect(predictor, IMAGE, flip=True)
    flipped = detect(predictor, IMAGE[:, ::-1].copy(), flip=True)
    # Boxes are clipped at 0 and 64, so the flip of 0 is not clipped where 63 would be: leave the border out.
    inner, turned = (one[(one.boxes[:, 0] > 2) & (one.boxes[:, 2] < 61)] for one in (plain, flipped))
    boxes = turned.boxes.copy()
    boxes[:, [0, 2]] = 63 - turned.boxes[:, [2, 0]]

    assert len(inner) > 5
    assert as_rows(inner) == pytest.approx(as_rows(replace(turned, boxes=boxes)), abs=1e-3)
    assert plain.scores == pytest.approx(flipped.scores, abs=1e-5)


FACE = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))


@pytest.mark.parametrize(
    ("logit", "last"),
    [
        pytest.param(20.0, 63, id="moved to peaks"),
        # Vectors start from the corner of their cell, and the flip of that is 60 - x.
        pytest.param(-20.0, 60, id="left where they are regressed"),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_with_flip_the_keypoints_of_a_flipped_image_are_the_flipped_keypoints(
    predictor: TorchPredictor, seed: int, logit: float, last: int
) -> None:
    categories = Categories(("face",), (1,), (FACE,))
    # One face and one candidate for each keypoint, so that none is chosen by distance.
    task = Pose.of(categories, top_k=1)
    torch.manual_seed(seed)
    network = predictor.architecture.build(task.heads).eval()
    ends = {name: head[-1] for name, head in network.heads[0].items()}
    for name, bias in {"offset": 3 / 8, "keypoint_offset": 3 / 8, "size": 60.0}.items():
        ends[name].weight.data.zero_()
        ends[name].bias.data.fill_(bias)
    ends["keypoints"].weight.data.mul_(5000)
    ends["keypoint_heatmap"].bias.data.fill_(logit)
    faces = replace(predictor, network=network, task=task, categories=categories)
    plain = detect(faces, IMAGE, flip=True)
    turned = detect(faces, IMAGE[:, ::-1].copy(), flip=True).keypoints[:, FACE.flip_indices]
    turned[..., 0] = last - turned[..., 0]

    assert np.ptp(plain.keypoints[..., 0]) > 1
    assert plain.keypoints[..., :2] == pytest.approx(turned[..., :2], rel=1e-4, abs=1e-4)


def test_without_flip_an_image_and_its_flip_give_different_detections(predictor: TorchPredictor) -> None:
    plain, flipped = detect(predictor, IMAGE), detect(predictor, IMAGE[:, ::-1].copy())

    assert np.abs(plain.scores - flipped.scores).max() > 1e-3


@pytest.mark.parametrize(
    "rule", [Letterbox(height=64, width=96), ResizeLongestSide(long_side=96), PadToMultiple()]
)
def test_a_single_scale_of_one_changes_nothing(predictor: TorchPredictor, rule: ResizeRule) -> None:
    other = replace(predictor, rule=rule)
    image = IMAGE[:50, :60]
    plain, scaled = detect(other, image), detect(other, image, scales=(1.0,))

    assert (as_rows(plain) == as_rows(scaled)).all()


@pytest.mark.parametrize(
    "rule", [Letterbox(height=64, width=64), ResizeLongestSide(long_side=64), PadToMultiple()]
)
def test_boxes_of_every_scale_lie_in_the_image(predictor: TorchPredictor, rule: ResizeRule) -> None:
    image = np.zeros((50, 60, 3), dtype=np.uint8)
    image[20:30, 25:45] = 255
    found = [detect(replace(predictor, rule=rule), image, scales=(s,)) for s in (0.5, 1.5)]
    merged = detect(replace(predictor, rule=rule), image, scales=(0.5, 1.5))

    for one in [*found, merged]:
        assert (one.boxes >= 0).all()
        assert (one.boxes <= [60, 50, 60, 50]).all()
    # Nothing lowers the best of both.
    assert merged.scores[0] == max(one.scores[0] for one in found)
    assert len(merged) == 20
    assert (np.diff(merged.scores) <= 0).all()


def test_scales_flip_and_half_work_together(predictor: TorchPredictor) -> None:
    found = detect(predictor, IMAGE, scales=(0.5, 1.0), flip=True, class_agnostic=True, half=True)

    assert len(found) == 20
    assert found.image is not None


def test_an_image_has_the_same_detections_in_a_batch_as_alone(predictor: TorchPredictor) -> None:
    other = np.random.default_rng(1).integers(0, 255, (48, 60, 3), dtype=np.uint8)
    inference = InferenceOptions(scales=(0.5, 1.5), flip=True)
    both = predictor.detect([sample_of(image, "image") for image in (IMAGE, other)], inference)
    alone = [predictor.detect([sample_of(image, "image")], inference)[0] for image in (IMAGE, other)]

    for one, two in zip(both, alone, strict=True):
        assert as_rows(one) == pytest.approx(as_rows(two), abs=1e-2)


def test_settings_of_the_task_can_be_replaced(predictor: TorchPredictor) -> None:
    few = predictor.with_task_settings(top_k=3, class_agnostic=True)

    assert few.task == replace(TASK, top_k=3, class_agnostic=True)
    assert len(detect(few, IMAGE)) == 3
    assert predictor.task == TASK


def test_a_setting_that_a_task_does_not_have_is_refused(predictor: TorchPredictor) -> None:
    @dataclass(frozen=True, kw_only=True)
    class OneClass(Detect):
        """A task with a setting of its own."""

        sharpness: float = 1.0

    other = replace(predictor, task=OneClass(num_classes=2))

    assert other.with_task_settings(sharpness=2.0).task == OneClass(num_classes=2, sharpness=2.0)
    with pytest.raises(UsageError, match="sharpness is not a setting of these weights: leave it out"):
        predictor.with_task_settings(sharpness=2.0)
