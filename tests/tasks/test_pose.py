"""Keypoints to maps and back, and the symmetries of both."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from centernet.protocols import Maps, Targets
from centernet.structures import Categories, Skeleton
from centernet.structures.batch import BatchAnnotations, Grid
from centernet.tasks.pose import Pose

GRID = Grid(batch=2, height=24, width=32)
FACE = Skeleton(names=("nose", "left eye", "right eye"), pairs=((1, 2),))
TUBE = Skeleton(names=("tip", "end"), pairs=((0, 1),))
TASK = Pose.of(Categories(("face", "box", "tube"), (1, 2, 3), (FACE, None, TUBE)))


def objects_of(
    boxes: list[list[float]], labels: list[int], keypoints: list[list[list[float]]], images: list[int]
) -> BatchAnnotations:
    return BatchAnnotations(
        boxes=torch.tensor(boxes, dtype=torch.float32),
        labels=torch.tensor(labels),
        image_index=torch.tensor(images),
        keypoints=torch.tensor(keypoints, dtype=torch.float32),
    )


def paint(task: Pose, targets: Targets) -> Maps:
    """The maps that a perfect network would give."""
    maps = {name: torch.logit(targets[name], eps=1e-6) for name in ("heatmap", "keypoint_heatmap")}
    shapes = {
        "size": "cells",
        "offset": "cells",
        "keypoint_offset": "keypoint_cells",
        "keypoints": "arrow_cells",
    }
    planes = {"keypoints": GRID.batch * sum(task.num_keypoints)}
    for name, where in shapes.items():
        maps[name] = torch.zeros(planes.get(name, GRID.batch), 2, GRID.height, GRID.width)
        plane, y, x = targets[where].unbind(1)
        maps[name][plane, :, y, x] = targets[name]
    maps["keypoints"] = maps["keypoints"].view(GRID.batch, -1, GRID.height, GRID.width)
    return maps


def test_a_temperature_changes_the_scores_of_objects_and_not_those_of_keypoints() -> None:
    maps = {
        name: torch.randn(2, spec.channels, 24, 32, generator=torch.Generator().manual_seed(0))
        for name, spec in TASK.heads.items()
    }
    plain, scaled = (task.decode(maps, 4) for task in (TASK, replace(TASK, temperature=2.0, score_bias=0.3)))

    assert torch.allclose(scaled["scores"], (plain["scores"].logit() / 2 + 0.3).sigmoid(), atol=1e-5)
    assert all(torch.equal(plain[name], scaled[name]) for name in ("boxes", "labels", "keypoints"))


@st.composite
def scenes(draw: st.DrawFn) -> BatchAnnotations:
    """One object of some class in each of some quarters of both images, its keypoints in its box."""
    rows: list[tuple[list[float], int, list[list[float]], int]] = []
    for image in range(GRID.batch):
        for left, top in ((0, 0), (64, 0), (0, 48), (64, 48)):
            if not draw(st.booleans()):
                continue
            x1, y1 = left + draw(st.floats(2, 10)), top + draw(st.floats(2, 8))
            width, height = draw(st.floats(24, 45)), draw(st.floats(20, 32))
            label = draw(st.integers(0, 2))
            keypoints = [
                [
                    x1 + draw(st.floats(0.1, 0.9)) * width,
                    y1 + draw(st.floats(0.1, 0.9)) * height,
                    float(draw(st.sampled_from([0, 1, 2]))),
                ]
                if keypoint < TASK.num_keypoints[label]
                else [0.0, 0.0, 0.0]
                for keypoint in range(3)
            ]
            rows.append(([x1, y1, x1 + width, y1 + height], label, keypoints, image))
    boxes, labels, keypoints_of_all, images = zip(*rows, strict=True) if rows else ((), (), (), ())
    return BatchAnnotations(
        boxes=torch.tensor(boxes, dtype=torch.float32).view(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        image_index=torch.tensor(images, dtype=torch.long),
        keypoints=torch.tensor(keypoints_of_all, dtype=torch.float32).view(-1, 3, 3),
    )


def is_alone(keypoints: Tensor) -> Tensor:
    """True for the keypoints of one object that are alone in their cell."""
    cells = (keypoints[:, :2] / GRID.stride).floor()
    is_same = (cells[:, None] == cells).all(dim=2) & (keypoints[:, 2] > 0)
    return is_same.sum(dim=1) == 1


@pytest.mark.parametrize("spread", [0, 1])
@settings(max_examples=60, deadline=None)
@given(scenes())
def test_decode_gives_back_what_was_encoded(spread: int, objects: BatchAnnotations) -> None:
    task = replace(TASK, spread=spread)
    found = task.decode(paint(task, task.encode(objects, GRID)), GRID.stride)

    assert int((found["scores"] > 0.9).sum()) == len(objects.boxes)
    for box, label, keypoints, image in zip(
        objects.boxes, objects.labels, objects.keypoints, objects.image_index, strict=True
    ):
        sure = found["scores"][image] > 0.9
        distance = (found["boxes"][image] - box).abs().amax(dim=1).masked_fill(~sure, torch.inf)
        best = int(distance.argmin())
        assert distance[best] < 0.01
        assert found["labels"][image, best] == label
        labelled = keypoints[:, 2] > 0
        error = (found["keypoints"][image, best, :, :2] - keypoints[:, :2]).abs().amax(dim=1)
        # Keypoints in one cell share its offset, so one of them is off by less than a cell.
        assert (error[labelled] < GRID.stride).all()
        assert (error[labelled & is_alone(keypoints)] < 0.01).all()


def test_keypoints_that_a_class_does_not_have_are_zero() -> None:
    tube = objects_of([[8, 8, 60, 40]], [2], [[[12, 12, 2], [50, 30, 2], [0, 0, 0]]], [0])
    found = TASK.decode(paint(TASK, TASK.encode(tube, GRID)), GRID.stride)

    assert found["labels"][0, 0] == 2
    assert found["keypoints"][0, 0, 2].tolist() == [0, 0, 0]
    assert found["keypoints"][0, 0, :2, 2].min() > 0.99


def test_an_object_without_labelled_keypoints_trains_its_box_alone() -> None:
    face = objects_of([[8, 8, 60, 40]], [0], [[[0, 0, 0]] * 3], [0])
    targets = TASK.encode(face, GRID)

    assert len(targets["cells"]) == 1
    assert len(targets["keypoint_cells"]) == len(targets["arrow_cells"]) == 0
    assert targets["heatmap"].max() == 1
    assert targets["keypoint_heatmap"].max() == 0


def test_keypoints_outside_the_map_are_not_learned() -> None:
    face = objects_of([[8, 8, 60, 40]], [0], [[[-1, 20, 2], [20, 97, 2], [127, 95, 1]]], [0])
    targets = TASK.encode(face, GRID)

    # 127 / 4 and 95 / 4 are in the last cell.
    assert targets["keypoint_cells"].tolist() == [[0, 23, 31]]


def test_classes_keep_their_keypoints_apart() -> None:
    keypoints = [[[12, 12, 2], [50, 30, 2], [30, 30, 2]]]
    as_face, as_tube = (
        TASK.encode(objects_of([[8, 8, 60, 40]], [label], keypoints, [0]), GRID)["keypoint_heatmap"]
        for label in (0, 2)
    )

    assert as_face[0].flatten(1).amax(1).tolist() == [1, 1, 1, 0, 0]
    assert as_tube[0].flatten(1).amax(1).tolist() == [0, 0, 0, 1, 1]


def snapped(peak: tuple[float, float], score: float) -> list[float]:
    """The nose of a face in the box 8, 8, 60, 40, regressed to 30, 20."""
    face = objects_of([[8, 8, 60, 40]], [0], [[[30, 20, 2], [0, 0, 0], [0, 0, 0]]], [0])
    maps = paint(TASK, TASK.encode(face, GRID))
    maps["keypoint_heatmap"].fill_(-10)
    x, y = int(peak[0] // 4), int(peak[1] // 4)
    maps["keypoint_heatmap"][0, 0, y, x] = torch.logit(torch.tensor(score))
    maps["keypoint_offset"][0, :, y, x] = torch.tensor([peak[0] / 4 - x, peak[1] / 4 - y])
    return TASK.decode(maps, GRID.stride)["keypoints"][0, 0, 0].tolist()


def test_a_regressed_keypoint_moves_to_a_confident_peak_nearby() -> None:
    assert snapped((38, 26), 0.8) == pytest.approx([38, 26, 0.8], abs=1e-4)


@pytest.mark.parametrize(
    ("peak", "score"),
    [
        pytest.param((38, 26), 0.09, id="unsure"),
        # 0.3 of the longer side, 52, is 15.6.
        pytest.param((46, 20), 0.8, id="too far"),
        pytest.param((30, 5), 0.8, id="outside the box"),
    ],
)
def test_a_regressed_keypoint_stays_if_no_peak_is_near_and_confident(
    peak: tuple[float, float], score: float
) -> None:
    assert snapped(peak, score)[:2] == pytest.approx([30, 20], abs=1e-4)


def likeliest(peaks: list[tuple[int, int, float]], sigma: float = 0.4) -> list[float]:
    """The nose of a face in the box 8, 8, 60, 40, regressed to 30, 20, among peaks at x, y with scores."""
    face = objects_of([[8, 8, 60, 40]], [0], [[[30, 20, 2], [0, 0, 0], [0, 0, 0]]], [0])
    maps = paint(TASK, TASK.encode(face, GRID))
    maps["keypoint_heatmap"].fill_(-10)
    maps["keypoint_offset"].zero_()
    for x, y, score in peaks:
        maps["keypoint_heatmap"][0, 0, y // 4, x // 4] = torch.logit(torch.tensor(score))
    return replace(TASK, snap_sigma=sigma).decode(maps, GRID.stride)["keypoints"][0, 0, 0].tolist()


def test_a_keypoint_can_be_the_likeliest_peak_of_its_box_instead_of_the_nearest() -> None:
    near, far = (36, 20, 0.3), (52, 20, 0.9)
    assert likeliest([near, far]) == pytest.approx([52, 20, 0.9], abs=1e-4)
    assert likeliest([near, far], sigma=0.1)[:2] == pytest.approx([36, 20], abs=1e-4)
    assert likeliest([near, (80, 20, 0.9)])[:2] == pytest.approx([36, 20], abs=1e-4), "outside the box"
    assert likeliest([(36, 20, 0.09)])[:2] == pytest.approx([30, 20], abs=1e-4), "unsure"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**16))
def test_a_flipped_input_gives_flipped_output(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (GRID.height, GRID.width)
    maps, other = (
        {
            name: 2 * torch.randn(GRID.batch, head.channels, *shape, generator=generator)
            for name, head in TASK.heads.items()
        }
        for _ in range(2)
    )
    # Without offsets, which are those of the input alone.
    for one in (maps, other):
        one["offset"].zero_()
        one["keypoint_offset"].zero_()
    one_way = TASK.decode(TASK.merge_flipped(maps, other), GRID.stride)
    other_way = TASK.decode(TASK.merge_flipped(other, maps), GRID.stride)

    last = (GRID.width - 1) * GRID.stride
    assert one_way["scores"].numpy() == pytest.approx(other_way["scores"].numpy(), abs=1e-4)
    for image in range(GRID.batch):
        x1, y1, x2, y2 = other_way["boxes"][image, 0].tolist()
        assert one_way["boxes"][image, 0].tolist() == pytest.approx([last - x2, y1, last - x1, y2], abs=2e-4)
        label = int(other_way["labels"][image, 0])
        skeleton = (FACE, None, TUBE)[label]
        if skeleton:
            x, y, scores = other_way["keypoints"][image, 0, list(skeleton.flip_indices)].unbind(1)
            expected = torch.stack([last - x, y, scores], dim=1)
            ours = one_way["keypoints"][image, 0, : len(skeleton)]
            # For a keypoint on the border between two cells, the score is read beside it.
            assert ours[:, :2].numpy() == pytest.approx(expected[:, :2].numpy(), abs=2e-4)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"num_keypoints": (0, 0), "mirrored": ()}, "pose needs a class with keypoints"),
        ({"num_keypoints": (2,), "mirrored": (0, 0)}, "mirrored names each of the 2 keypoints once"),
        ({"num_keypoints": (1,), "mirrored": (0,), "min_overlap": 1.0}, "min_overlap is an IoU"),
        ({"num_keypoints": (1,), "mirrored": (0,), "snap_sigma": -1.0}, "snap_sigma is 0 or more"),
        ({"num_keypoints": (1,), "mirrored": (0,), "keypoint_radius": -1}, "keypoint_radius is 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(broken: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pose(**broken)  # type: ignore[arg-type]
