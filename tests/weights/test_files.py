"""Weights folders and files: saved, loaded, transferred, and reported where they do not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from centernet.errors import InputError, UsageError
from centernet.geometry.resize import FitWidth, Letterbox, PadToMultiple, ResizeLongestSide, ResizeRule
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import write_atomically
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.structures import Categories, Skeleton
from centernet.tasks.detect import Detect
from centernet.tasks.layered.task import Layered
from centernet.tasks.pose import Pose
from centernet.tasks.raw import RawMaps
from centernet.weights import files as weights


@pytest.fixture(scope="module")
def predictor() -> TorchPredictor:
    torch.manual_seed(0)
    task = Detect(num_classes=2, top_k=7, giou_weight=0.5)
    architecture = Architecture(backbone="timm/resnet10t", channels=16, head_channels=8, separable=True)
    return TorchPredictor(
        network=architecture.build(task.heads).eval(),
        task=task,
        categories=Categories(("red", "细胞"), (3, 90)),
        rule=ResizeLongestSide(long_side=64),
        normalize=Normalize(bgr=True),
        architecture=architecture,
    )


def test_a_saved_predictor_is_loaded_unchanged(predictor: TorchPredictor, tmp_path: Path) -> None:
    loaded = weights.load(weights.save(predictor, tmp_path / "w"))

    assert loaded.task == predictor.task
    assert loaded.categories == predictor.categories
    assert loaded.rule == predictor.rule
    assert loaded.normalize == predictor.normalize
    images = torch.rand(1, 3, 64, 64)
    for name, maps in predictor.network(images)[-1].items():
        assert torch.equal(maps, loaded.network(images)[-1][name])
    assert sorted(p.name for p in (tmp_path / "w").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


TUBE = Skeleton(names=("tip", "end"), edges=((0, 1),), pairs=((0, 1),), sigmas=(0.1, 0.2))


@pytest.mark.parametrize(
    "task",
    [
        RawMaps(purpose="pose", maps={"heatmap": 2, "keypoints": 4}),
        Pose(num_keypoints=(2, 0), mirrored=(1, 0), spread=1),
        Detect(num_classes=2, spread_share=0.5, sides_weight=0.5, quality=0.5),
        Layered(inner=Detect(num_classes=2, top_k=7), levels=2, per_cell=3),
    ],
)
@pytest.mark.parametrize(
    "rule", [Letterbox(height=64, width=96), PadToMultiple(pad=127), FitWidth(height=64, width=128)]
)
def test_every_task_and_resize_rule_is_loaded_unchanged(
    predictor: TorchPredictor, task: RawMaps | Pose | Layered, rule: ResizeRule, tmp_path: Path
) -> None:
    network = predictor.architecture.build(task.heads)
    loaded = weights.load(
        weights.save(replace(predictor, network=network, task=task, rule=rule), tmp_path / "w")
    )

    assert loaded.task == task
    assert loaded.rule == rule


def test_skeletons_are_loaded_unchanged(predictor: TorchPredictor, tmp_path: Path) -> None:
    categories = Categories(("tube", "box"), (7, 9), (TUBE, None))
    task = Pose.of(categories)
    network = predictor.architecture.build(task.heads)
    pose = replace(predictor, network=network, task=task, categories=categories)

    assert weights.load(weights.save(pose, tmp_path / "w")).categories == categories


def test_a_single_file_can_be_loaded(predictor: TorchPredictor, tmp_path: Path) -> None:
    weights.save_file(predictor, tmp_path / "alone.safetensors")

    assert weights.load(tmp_path / "alone.safetensors").categories == predictor.categories


def test_half_weights_take_half_the_space_and_are_nearly_the_same(
    predictor: TorchPredictor, tmp_path: Path
) -> None:
    whole = weights.save(predictor, tmp_path / "whole") / weights.MODEL
    half = weights.save(predictor, tmp_path / "half", half=True) / weights.MODEL

    assert half.stat().st_size < 0.55 * whole.stat().st_size
    state = weights.load(tmp_path / "half").network.state_dict()
    for key, value in predictor.network.state_dict().items():
        assert state[key].dtype == value.dtype
        assert torch.allclose(state[key], value, rtol=1e-3, atol=1e-4)


def rewrite(path: Path, **changes: torch.Tensor | None) -> None:
    state = {**load_file(path), **changes}
    save_file({key: value for key, value in state.items() if value is not None}, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads.0.size.2.bias": None}, "weights lack 'heads.0.size.2.bias'"),
        (
            {"heads.0.size.2.bias": torch.zeros(3)},
            r"'heads.0.size.2.bias' has shape \(3,\), but the network has \(2,\)",
        ),
        ({"other": torch.zeros(1)}, "weights hold 'other'"),
    ],
)
def test_weights_that_do_not_fit_are_reported(
    predictor: TorchPredictor, tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
) -> None:
    folder = weights.save(predictor, tmp_path)
    rewrite(folder / weights.MODEL, **change)

    with pytest.raises(InputError, match=message):
        weights.load(folder)


def test_a_truncated_file_a_pickle_and_a_missing_name_are_one_line_errors(
    predictor: TorchPredictor, tmp_path: Path
) -> None:
    path = weights.save(predictor, tmp_path) / weights.MODEL
    path.write_bytes(path.read_bytes()[:1000])
    (tmp_path / "w.pth").write_bytes(b"\x80\x04")

    with pytest.raises(InputError, match="not a complete safetensors file"):
        weights.load(path)
    with pytest.raises(
        InputError, match=r"convert it first: centernet convert model=.*w.pth output=weights/w$"
    ):
        weights.load(tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"no .safetensors file; .* nothing in them is run$"):
        weights.load(path.with_name(weights.CONFIG))
    with pytest.raises(InputError, match="no weights 'nothing-here'"):
        weights.load("nothing-here")


@pytest.mark.parametrize("name", ["yolo11n.pt", "weights/yolov8s-pose.pt", "yolo11n.yaml"])
def test_weights_of_yolo_are_not_read_and_model_can_be_left_out(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is a name of YOLO weights, .* leave model= out"):
        weights.load(name)


def test_a_custom_task_is_saved_and_reported_when_it_cannot_be_built(
    predictor: TorchPredictor, tmp_path: Path
) -> None:
    class Custom(Detect):
        """A task that is not in this library."""

    folder = weights.save(replace(predictor, task=Custom(num_classes=2)), tmp_path)

    with pytest.raises(
        InputError, match=r"test_files\.Custom is not in this library: build it, .* centernet\.weights\.fill"
    ):
        weights.load(folder)


def test_settings_reach_the_task_inside_another(predictor: TorchPredictor) -> None:
    task = Layered(inner=Detect(num_classes=2), levels=2)
    changed = replace(predictor, task=task).with_task_settings(top_k=5, repeated_iou=0.7)

    assert changed.task == Layered(inner=Detect(num_classes=2, top_k=5), levels=2, repeated_iou=0.7)
    with pytest.raises(UsageError, match="juggle is not a setting of these weights"):
        replace(predictor, task=task).with_task_settings(juggle=1)


def test_an_invalid_config_is_reported(predictor: TorchPredictor, tmp_path: Path) -> None:
    folder = weights.save(predictor, tmp_path)
    rewrite(folder / weights.MODEL)
    config = json.loads((folder / weights.CONFIG).read_text())
    config["task"]["name"] = "juggle"
    (folder / weights.CONFIG).write_text(json.dumps(config))

    with pytest.raises(InputError, match=r"config.json.*juggle"):
        weights.load(folder)


def test_a_file_that_cannot_be_written_keeps_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(InputError, match=r"file.* cannot be written"):
        write_atomically(tmp_path / "file", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_layers_that_fit_are_copied_and_the_others_are_returned(predictor: TorchPredictor) -> None:
    network = predictor.architecture.build(Detect(num_classes=5).heads)
    not_copied = weights.transfer(predictor.network, network)

    assert not_copied == ["heads.0.heatmap.2"]
    assert torch.equal(
        network.state_dict()["heads.0.size.2.bias"], predictor.network.state_dict()["heads.0.size.2.bias"]
    )


def test_weights_of_one_class_are_the_start_of_each_of_several() -> None:
    torch.manual_seed(0)
    architecture = Architecture(backbone="slim", channels=16, head_channels=8)
    one, several = (architecture.build(Detect(num_classes=count).heads).eval() for count in (1, 4))
    images = torch.randn(1, 3, 64, 64)

    assert weights.transfer(one, several) == []
    expected = one(images)[-1]["heatmap"] - torch.tensor(4.0).log()
    assert torch.allclose(several(images)[-1]["heatmap"], expected.expand(-1, 4, -1, -1), atol=1e-5)
    assert torch.equal(several(images)[-1]["size"], one(images)[-1]["size"])
