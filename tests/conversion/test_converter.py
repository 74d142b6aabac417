"""Conversion of a checkpoint to a weights folder: completely and correctly, or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.helpers.blank_states import state_of, tensors, without
from tests.helpers.seeded_weights import manifests
from torch import Tensor

from centernet import CenterNet, convert
from centernet.conversion.converter import COUNTER, Converted, converted
from centernet.conversion.weight_names import DEAD
from centernet.errors import InputError, UsageError
from centernet.geometry.resize import FitWidth, Letterbox
from centernet.structures import Categories, Skeleton
from centernet.structures.skeletons import COCO_PERSON
from centernet.tasks.pose import Pose
from centernet.tasks.raw import RawMaps
from centernet.training.build import recipe_of
from centernet.weights import files as weights

NAMES = [name for name in manifests() if not name.startswith("exdet")]
MEGA_PARAMETERS = {
    "res_18": 15.82,
    "res_34": 25.93,
    "res_50": 34.44,
    "res_101": 53.44,
    "resdcn_18": 14.44,
    "resdcn_34": 24.55,
    "resdcn_50": 30.68,
    "resdcn_101": 49.67,
    # The original's 20.19 and 18.47, less 0.51 of a classifier and 0.04 of two unused shortcuts.
    "dla_34": 19.63,
    "dlav0_34": 17.92,
    "hourglass": 191.28,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_network_of_the_original_converts_without_an_option(name: str) -> None:
    found = converted(state_of(name), "a.pth")

    state = found.predictor.network.state_dict()
    kept = {key: shape for key, shape in manifests()[name].items() if not DEAD.match(key)}
    assert sorted(tuple(value.shape) for value in state.values()) == sorted(kept.values())
    assert set(found.left_out) == manifests()[name].keys() - kept.keys()


@pytest.mark.parametrize("name", MEGA_PARAMETERS)
def test_parameters_are_those_of_the_original_without_unused_ones(name: str) -> None:
    network = converted(state_of(f"ctdet_{name}"), "a.pth").predictor.network

    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(MEGA_PARAMETERS[name], abs=0.005)


def test_unused_weights_are_left_out_and_listed() -> None:
    left_out = converted(state_of("ctdet_dla_34"), "a.pth").left_out

    assert {key.rpartition(".")[0] for key in left_out} == {
        "base.fc",
        "base.level3.project.0",
        "base.level3.project.1",
        "base.level4.project.0",
        "base.level4.project.1",
    }
    assert converted(without("ctdet_dla_34", "base.fc"), "a.pth").left_out == tuple(
        key for key in left_out if "fc" not in key
    )


def detector_of(num_classes: int, **settings: object) -> Converted:
    state = state_of("ctdet_res_18", hm__2__weight=(num_classes, 64, 1, 1), hm__2__bias=(num_classes,))
    return converted(state, "a.pth", **settings)  # type: ignore[arg-type]


def test_eighty_classes_are_those_of_coco() -> None:
    predictor = detector_of(80).predictor
    categories = predictor.categories

    assert len(categories) == 80
    ids = dict(zip(categories.names, categories.ids, strict=True))
    assert (ids["person"], ids["stop sign"], ids["backpack"], ids["toothbrush"]) == (1, 13, 27, 90)
    assert (ids["dining table"], ids["toilet"], ids["tv"]) == (67, 70, 72)
    assert predictor.rule == Letterbox(height=512, width=512)
    assert predictor.normalize.bgr
    assert predictor.normalize.mean == (0.40789654, 0.44719302, 0.47026115)
    assert predictor.normalize.std == (0.28863828, 0.27408164, 0.27809835)


def test_twenty_classes_are_those_of_voc_with_constants_in_the_wrong_order() -> None:
    predictor = detector_of(20).predictor

    assert predictor.categories.names[0] == "aeroplane"
    assert predictor.categories.names[19] == "tvmonitor"
    assert predictor.rule == Letterbox(height=384, width=384)
    assert predictor.normalize.bgr
    assert predictor.normalize.mean == (0.485, 0.456, 0.406)
    assert detector_of(20, imgsz=512).predictor.rule == Letterbox(height=512, width=512)


def test_other_classes_are_numbered_or_named() -> None:
    assert detector_of(3).predictor.categories == Categories.of("class0", "class1", "class2")
    assert detector_of(3).preset.name == "your own data, preprocessed as COCO"
    assert detector_of(3, names=("a", "b", "c")).predictor.categories == Categories.of("a", "b", "c")
    assert detector_of(20, names=tuple("abcdefghijklmnopqrst")).predictor.rule == Letterbox(
        height=512, width=512
    )


def test_poses_are_of_persons_with_seventeen_keypoints() -> None:
    predictor = converted(state_of("multi_pose_dla_34"), "a.pth").predictor

    assert predictor.categories == Categories(("person",), (1,), (COCO_PERSON,))
    assert predictor.task == Pose.of(predictor.categories)
    assert {name: spec.channels for name, spec in predictor.task.heads.items()} == {
        "heatmap": 1,
        "size": 2,
        "offset": 2,
        "keypoints": 34,
        "keypoint_heatmap": 17,
        "keypoint_offset": 2,
    }


def test_keypoints_of_other_classes_are_numbered() -> None:
    state = state_of(
        "multi_pose_res_18",
        hps__2__weight=(8, 64, 1, 1),
        hps__2__bias=(8,),
        hm_hp__2__weight=(4, 64, 1, 1),
        hm_hp__2__bias=(4,),
    )

    skeleton = converted(state, "a.pth").predictor.categories.skeletons[0]
    assert skeleton == Skeleton(names=("keypoint0", "keypoint1", "keypoint2", "keypoint3"))


def test_3d_boxes_are_those_of_kitti() -> None:
    predictor = converted(state_of("ddd_dla_34"), "a.pth").predictor

    assert predictor.categories == Categories(("Pedestrian", "Car", "Cyclist"), (0, 1, 2))
    assert predictor.rule == FitWidth(height=384, width=1280)
    assert predictor.normalize.mean == (0.485, 0.456, 0.406)
    assert {name: spec.channels for name, spec in predictor.task.heads.items()} == {
        "heatmap": 3,
        "depth": 1,
        "heading": 8,
        "size3d": 3,
        "size": 2,
        "offset": 2,
    }


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(UsageError, match=r"there are 2 names in names, but a.pth has 3 classes"):
        detector_of(3, names=("a", "b"))


def test_a_side_must_fit_the_network() -> None:
    with pytest.raises(UsageError, match=r"imgsz=500 must be a multiple of 32"):
        detector_of(80, imgsz=500)
    with pytest.raises(UsageError, match=r"imgsz=480 must be a multiple of 128"):
        converted(state_of("ctdet_hourglass"), "a.pth", imgsz=480)


UNFIT = {
    "left over": (
        {**state_of("ctdet_res_18"), **tensors({"layer2.0.conv3.weight": (128, 128, 1, 1)})},
        "holds 'layer2.0.conv3.weight', which is no weight of resnet18 for ctdet",
    ),
    "our own keys": (
        {**without("ctdet_res_18", "deconv_layers.0"), **tensors({"neck.0.weight": (512, 256, 4, 4)})},
        "holds 'neck.0.weight', which is no weight of resnet18 for ctdet",
    ),
    "another shape": (
        state_of("ctdet_res_18", deconv_layers__3__weight=(256, 128, 4, 4)),
        "'deconv_layers.3.weight' has shape (256, 128, 4, 4), but the network has (256, 256, 4, 4)",
    ),
    "classes that differ": (
        state_of("ctdet_res_18", hm__2__bias=(79,)),
        "'hm.2.bias' has shape (79,), but the network has (80,)",
    ),
    "stacks that differ": (
        state_of("ctdet_hourglass", hm__1__1__bias=(79,)),
        "'hm.1.1.bias' has shape (79,), but the network has (80,)",
    ),
    "other input channels": (
        state_of("ctdet_res_18", conv1__weight=(64, 1, 7, 7)),
        "'conv1.weight' has shape (64, 1, 7, 7)",
    ),
    "half deformable": (
        without("ctdet_resdcn_18", "deconv_layers.6.conv_offset_mask"),
        "lacks 'deconv_layers.6.conv_offset_mask.weight'",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_weights_that_do_not_fit_are_reported_by_the_key_of_the_original(case: str) -> None:
    state, message = UNFIT[case]

    with pytest.raises(InputError) as caught:
        converted(state, "a.pth")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ctdet_res_18", "conv1.weight"),
        ("ctdet_res_50", "layer3.4.bn2.running_mean"),
        ("ctdet_res_18", "deconv_layers.3.weight"),
        ("ctdet_res_18", "deconv_layers.4.num_batches_tracked"),
        ("ctdet_resdcn_18", "deconv_layers.6.conv_offset_mask.bias"),
        ("ctdet_res_18", "wh.0.bias"),
        ("ctdet_dla_34", "base.level0.0.weight"),
        ("ctdet_dla_34", "dla_up.ida_1.node_2.conv.conv_offset_mask.weight"),
        ("ctdet_dla_34", "ida_up.proj_2.actf.0.weight"),
        ("ctdet_dlav0_34", "dla_up.ida_0.up_1.weight"),
        ("ctdet_hourglass", "kps.1.low2.low2.up1.1.conv2.weight"),
        ("ctdet_hourglass", "inters_.0.0.weight"),
        ("ctdet_hourglass", "reg.1.1.bias"),
    ],
)
def test_a_missing_weight_is_reported_by_the_key_of_the_original(name: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        converted(without(name, key), "a.pth")
    assert str(caught.value) == f"a.pth lacks {key!r}"


def test_checkpoints_without_batch_counters_convert() -> None:
    state = {key: value for key, value in state_of("ctdet_res_18").items() if not key.endswith(COUNTER)}
    network = converted(state, "a.pth").predictor.network

    assert network.state_dict()["backbone.encoder.bn1.num_batches_tracked"].item() == 0


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Weights of a detector of three classes; each tensor repeats one number."""
    blank = state_of("ctdet_res_18", hm__2__weight=(3, 64, 1, 1), hm__2__bias=(3,))
    return {
        key: torch.full(value.shape, i % 7 / 8 if value.is_floating_point() else i, dtype=value.dtype)
        for i, (key, value) in enumerate(blank.items())
    }


@pytest.fixture(scope="module")
def checkpoint(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint file with these weights, as the original writes it after an epoch."""
    path = tmp_path_factory.mktemp("original") / "model_last.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}, path)
    return path


def test_the_folder_holds_weights_config_and_model_card(
    checkpoint: Path, state: dict[str, Tensor], tmp_path: Path
) -> None:
    conversion = convert(checkpoint, tmp_path / "new" / "w", names=["red", "green", "blue"])
    loaded = weights.load(tmp_path / "new" / "w")

    assert sorted(path.name for path in conversion.folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert [path.name for path in conversion.folder.parent.iterdir()] == ["w"]
    loaded_state = loaded.network.state_dict()
    assert torch.equal(loaded_state["backbone.encoder.layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])
    assert torch.equal(loaded_state["heads.0.size.2.bias"], state["wh.2.bias"])
    assert loaded.categories.names == ("red", "green", "blue")
    assert loaded.normalize.bgr
    assert str(conversion).splitlines() == [
        f"resnet18, detect, 15.82 M parameters: {conversion.folder}",
        "3 classes (your own data, preprocessed as COCO): red, green, blue",
        f"next: centernet predict model={conversion.folder} source=images/",
    ]
    assert conversion.to_json()["num_parameters"] == sum(
        parameter.numel() for parameter in loaded.network.parameters()
    )


def test_the_model_card_describes_the_weights(checkpoint: Path, tmp_path: Path) -> None:
    convert(checkpoint, tmp_path / "w")
    card = (tmp_path / "w" / "README.md").read_text()

    assert "`model_last.pth`" in card
    assert "| task | detect (`ctdet` of the original) |" in card
    assert "| left out | nothing |" in card
    assert str(tmp_path) not in card


def test_half_stores_16_bits(checkpoint: Path, tmp_path: Path) -> None:
    convert(checkpoint, tmp_path / "w", half=True)

    stored = load_file(tmp_path / "w" / weights.MODEL)
    assert stored["backbone.encoder.conv1.weight"].dtype == torch.float16


def test_converted_weights_are_not_converted_again(checkpoint: Path, tmp_path: Path) -> None:
    folder = convert(checkpoint, tmp_path / "w").folder

    for model in (folder, folder / weights.MODEL):
        with pytest.raises(
            InputError, match=r"is converted already: use it as it is, centernet predict model="
        ):
            convert(model, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_only_weights_are_replaced_and_only_with_exist_ok(checkpoint: Path, tmp_path: Path) -> None:
    folder = convert(checkpoint, tmp_path / "w", names=["a", "b", "c"]).folder

    with pytest.raises(UsageError, match=r"holds weights: name a new folder, or add exist_ok=true"):
        convert(checkpoint, folder)
    assert weights.load(folder).categories.names == ("a", "b", "c")
    convert(checkpoint, folder, exist_ok=True)
    assert weights.load(folder).categories.names == ("class0", "class1", "class2")


def test_a_folder_with_other_files_is_not_changed(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")

    with pytest.raises(UsageError, match=r"holds other files than weights"):
        convert(checkpoint, tmp_path / "w", exist_ok=True)
    with pytest.raises(UsageError, match=r"file is a file: name a folder"):
        convert(checkpoint, tmp_path / "file")
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    convert(checkpoint, tmp_path / "w")

    assert weights.load(tmp_path / "w").architecture.backbone == "resnet18"


def test_a_failed_conversion_leaves_nothing_behind(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(without_key(checkpoint, "module.hm.0.bias"), tmp_path / "broken.pth")
    with pytest.raises(InputError, match=r"broken.pth lacks 'hm.0.bias'"):
        convert(tmp_path / "broken.pth", tmp_path / "w")
    with pytest.raises(UsageError):
        convert(checkpoint, tmp_path / "w", names=["a"])

    def fail(path: Path, content: bytes) -> None:
        if path.name == weights.CONFIG:
            raise InputError(f"cannot write {path}")
        path.write_bytes(content)

    monkeypatch.setattr(weights, "write_atomically", fail)
    with pytest.raises(InputError):
        convert(checkpoint, tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.pth"]


def without_key(checkpoint: Path, key: str) -> dict[str, Tensor]:
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return {other: value for other, value in state.items() if other != key}


def test_a_folder_that_cannot_be_written_is_reported(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match=r"file/w cannot be written"):
        convert(checkpoint, tmp_path / "file" / "w")


def test_weights_for_3d_boxes_place_them_with_a_camera(tmp_path: Path) -> None:
    blank = {key: torch.zeros_like(value, device="cpu") for key, value in state_of("ddd_resdcn_18").items()}
    torch.save(blank, tmp_path / "a.pth")
    conversion = convert(tmp_path / "a.pth", tmp_path / "w")
    model = CenterNet(tmp_path / "w", device="cpu")
    image = torch.zeros(3, 96, 320, dtype=torch.uint8)

    (found,) = model.predict(image, conf=0.0, camera="180,0,160,0,180,48,0,0,1", max_det=3)

    assert conversion.next_step == f"centernet predict model={tmp_path / 'w'} source=images/ camera=calib.txt"
    assert found.depths_m == pytest.approx(1 / (0.5 + 1e-6) - 1, abs=1e-4)
    assert set(found.names) <= {"Pedestrian", "Car", "Cyclist"}
    assert json.loads((tmp_path / "w" / weights.CONFIG).read_text())["task"]["name"] == "mono3d"


def test_weights_for_3d_boxes_without_2d_boxes_give_raw_maps_and_say_so(tmp_path: Path) -> None:
    blank = {
        key: torch.zeros_like(value, device="cpu")
        for key, value in state_of("ddd_resdcn_18").items()
        if not key.startswith("wh.")
    }
    torch.save(blank, tmp_path / "a.pth")
    conversion = convert(tmp_path / "a.pth", tmp_path / "w")
    model = CenterNet(tmp_path / "w", device="cpu")
    (maps,) = model.network(torch.zeros(1, 3, 64, 64))

    assert (
        conversion.next_step
        == f"in Python, CenterNet({str(tmp_path / 'w')!r}).network(images) gives the raw maps"
    )
    assert {name: value.shape[1] for name, value in maps.items()} == dict(model.predictor.task.maps)
    assert json.loads((tmp_path / "w" / weights.CONFIG).read_text())["task"]["name"] == "raw"
    with pytest.raises(
        UsageError, match=r"these weights give raw maps for mono3d: call model.network\(images\)"
    ):
        next(model.predict(torch.zeros(3, 64, 64, dtype=torch.uint8)))


def test_pose_weights_predict_keypoints(tmp_path: Path) -> None:
    blank = {
        key: torch.zeros_like(value, device="cpu") for key, value in state_of("multi_pose_resdcn_18").items()
    }
    # A high score for persons everywhere, a low one for all keypoints.
    blank["hm.2.bias"].fill_(3.0)
    blank["hm_hp.2.bias"].fill_(-3.0)
    blank["wh.2.bias"].fill_(4.0)
    torch.save(blank, tmp_path / "a.pth")
    conversion = convert(tmp_path / "a.pth", tmp_path / "w")
    found = next(CenterNet(tmp_path / "w", device="cpu").predict(torch.zeros(3, 64, 64, dtype=torch.uint8)))

    assert conversion.next_step == f"centernet predict model={tmp_path / 'w'} source=images/"
    assert found.keypoints.shape == (100, 17, 3)
    # Without a peak above the threshold the regressed keypoint is kept: here the centre cell.
    assert found.keypoints[:, :, 2].max() < 0.1
    centers = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
    inside = ((found.boxes[:, :2] > 0) & (found.boxes[:, 2:] < 64)).all(1)
    assert np.abs(found.keypoints[inside][:, :, :2] - centers[inside]).max() < 1e-3


@pytest.mark.parametrize("head", ["hm_hp", "hp_offset", "reg"])
def test_pose_weights_with_fewer_heads_give_raw_maps(head: str) -> None:
    predictor = converted(without("multi_pose_dla_34", head), "a.pth").predictor

    assert isinstance(predictor.task, RawMaps)


def test_training_can_start_from_converted_pose_weights() -> None:
    predictor = converted(state_of("multi_pose_resdcn_18"), "a.pth").predictor
    recipe = recipe_of(predictor)

    assert (recipe.backbone, recipe.head_channels, recipe.bgr) == ("resnet18-dcn", 64, True)
    assert (recipe.channels, recipe.imgsz, recipe.top_k) == (64, 512, 100)
