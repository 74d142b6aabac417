"""3D boxes from the data to result files and metrics."""

from pathlib import Path

import numpy as np
import pytest

from centernet.cli.app import main
from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.geometry.camera import project

SETTINGS = {
    "task": "mono3d",
    "backbone": "timm/resnet10t",
    "channels": 16,
    "head_channels": 16,
    "regression_channels": 0,
    "imgsz": 192,
    "rect": True,
    "batch": 8,
    "epochs": 1,
    "val_every": 2,
    "workers": 0,
    "precision": "32",
    "progress": False,
}


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "roads"
    return write_scenes(folder, train=16, val=4, mode="roads", size=(64, 192), format="kitti")


@pytest.fixture(scope="module")
def model(roads: Path, tmp_path_factory: pytest.TempPathFactory) -> CenterNet:
    trained = CenterNet("nano", device="cpu")
    trained.train(roads, project=str(tmp_path_factory.mktemp("runs")), **SETTINGS)
    return trained


def images_of(roads: Path) -> Path:
    return next(path for path in roads.rglob("image_2") if path.is_dir())


def test_a_run_keeps_its_task_and_evaluates_3d_boxes(model: CenterNet, roads: Path) -> None:
    assert model.run_folder is not None
    head = (model.run_folder / "results.csv").read_text().splitlines()[0]

    assert "val/3D_AP_strict" in head
    assert "train/center3d" in head
    assert "3D_AP" in model.val(roads).metrics


def test_each_image_has_the_camera_of_its_file(model: CenterNet, roads: Path) -> None:
    images = images_of(roads)
    found = list(model.predict(images, conf=0.0, camera=images.parent / "calib", max_det=5))

    assert len({one.camera[0, 0] for one in found if one.camera is not None}) > 1
    for one in found:
        assert one.have_boxes3d.all()
        centers = one.boxes3d[:, 3:6].astype(float) - one.boxes3d[:, :1] / 2 * np.array([0, 1.0, 0])
        rays = np.arctan((project(one.camera, centers)[:, 0] - one.camera[0, 2]) / one.camera[0, 0])
        turns = one.boxes3d[:, 6] - one.alpha_rad - rays
        np.testing.assert_allclose(np.cos(turns), 1, atol=1e-4)


@pytest.mark.parametrize(
    "camera",
    [
        [[100, 0, 96], [0, 100, 32], [0, 0, 1]],
        np.array([[100.0, 0, 96, 0], [0, 100, 32, 0], [0, 0, 1, 0]]),
        "100,0,96,0,100,32,0,0,1",
        "100,0,96,0,0,100,32,0,0,0,1,0",
    ],
    ids=["rows", "array", "nine numbers", "twelve numbers"],
)
def test_a_camera_is_given_as_rows_an_array_or_numbers(model: CenterNet, camera: object) -> None:
    (found,) = model.predict(np.zeros((64, 192, 3), dtype=np.uint8), conf=0.0, camera=camera, max_det=3)

    assert found.camera.tolist() == [[100, 0, 96, 0], [0, 100, 32, 0], [0, 0, 1, 0]]


def test_twice_the_focal_length_is_twice_as_far(model: CenterNet) -> None:
    image = np.zeros((64, 192, 3), dtype=np.uint8)
    near, far = (
        next(iter(model.predict(image, conf=0.0, camera=f"{f},0,96,0,{f},32,0,0,1"))) for f in (100, 200)
    )

    np.testing.assert_allclose(far.depths_m, 2 * near.depths_m, rtol=1e-5)


def test_a_missing_camera_is_named(model: CenterNet, tmp_path: Path) -> None:
    image = np.zeros((64, 192, 3), dtype=np.uint8)

    with pytest.raises(UsageError, match=r"3D boxes need the camera.*pass camera="):
        next(iter(model.predict(image)))
    with pytest.raises(InputError, match=r"has no camera for image 0: put it into .*image 0\.txt"):
        next(iter(model.predict(image, camera=tmp_path)))
    with pytest.raises(InputError, match="a camera is 9 or 12 numbers; got 3"):
        next(iter(model.predict(image, camera="1,2,3")))


def test_3d_boxes_of_tiles_are_placed_by_the_camera_of_the_image(model: CenterNet) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 384, 3), dtype=np.uint8)
    camera = [[100, 0, 192], [0, 100, 32], [0, 0, 1]]
    (found,) = model.predict(image, conf=0.0, camera=camera, slice=192)
    centers = found.boxes3d[:, 3:6] - found.boxes3d[:, :1] / 2 * np.array([0, 1, 0])
    rays = np.arctan((project(found.camera, centers)[:, 0] - 192) / 100)

    assert found.camera.tolist() == [[100, 0, 192, 0], [0, 100, 32, 0], [0, 0, 1, 0]]
    assert found.have_boxes3d.all()
    np.testing.assert_allclose(np.cos(found.boxes3d[:, 6] - found.alpha_rad - rays), 1, atol=1e-4)
    # 3D centres are projected near the centres of the boxes, also of those that are far right.
    columns = project(found.camera, centers)[:, 0]
    assert np.abs(columns - (found.boxes[:, 0] + found.boxes[:, 2]) / 2).max() < 100
    assert columns.max() > 250


def test_tiles_are_refused_if_depths_hold_only_for_the_size_of_training(
    model: CenterNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale_dependent = CenterNet(model.run_folder, device="cpu")
    monkeypatch.setattr(
        scale_dependent, "_predictor", scale_dependent.predictor.with_task_settings(focal_px=0.0)
    )

    with pytest.raises(
        UsageError, match=r"depths hold only for images as large as in training \(focal_px=0\)"
    ):
        scale_dependent.predict(np.zeros((64, 384, 3), dtype=np.uint8), slice=192)


def test_kitti_result_files_are_written_and_scored(
    model: CenterNet, roads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = images_of(roads)
    words = [f"model={model.run_folder}", f"source={images}", f"camera={images.parent / 'calib'}"]
    code = main(["predict", *words, "conf=0", "save_kitti=true", f"project={tmp_path}", "device=cpu"])
    written = sorted((tmp_path / "predict" / "kitti").glob("*.txt"))

    assert code == 0
    assert [path.stem for path in written] == sorted(path.stem for path in images.iterdir())
    code = main(
        ["score", "format=kitti", f"ground_truth={images.parent / 'label_2'}", f"results={written[0].parent}"]
    )
    assert code == 0
    assert "car" in capsys.readouterr().out


def test_augmentation_that_turns_the_camera_is_refused(roads: Path) -> None:
    with pytest.raises(UsageError, match="quarter_turns does not go with 3D boxes"):
        CenterNet("nano").train(roads, task="mono3d", quarter_turns=True)


@pytest.mark.parametrize("key", ["mixup", "copy_paste"])
def test_images_of_different_cameras_are_not_mixed(roads: Path, key: str) -> None:
    with pytest.raises(UsageError, match=f"{key} does not go with 3D boxes: each image has its own camera"):
        CenterNet("nano").train(roads, task="mono3d", **{key: 0.5})


def test_data_without_3d_boxes_is_refused(tmp_path: Path) -> None:
    flat = write_scenes(tmp_path / "flat", train=2, val=0, size=64)

    with pytest.raises(InputError, match="has no 3D boxes with a camera"):
        CenterNet("nano").train(flat, task="mono3d")
