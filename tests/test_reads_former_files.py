"""Files of version 0.1 are read as that version read them: `tests/fixtures/v0_1/README.md` lists them."""

import csv
import tarfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from centernet import CenterNet
from centernet.cli import main
from centernet.detections import Detections
from centernet.recipes.recipe import Recipe

ARCHIVE = Path(__file__).parent / "fixtures" / "v0_1" / "files.tar.xz"
WEIGHTS = ("detect", "sides", "pose", "pose-layered", "mono3d", "mono3d-scale", "triplet")
EXPORTED = ("pose-layered.onnx", "pose-layered_openvino", "pose-layered.pt2", "triplet.onnx", "mono3d.onnx")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "flip": {"flip": True},
    "scales": {"scales": (1.0, 1.5)},
    "nms": {"nms": "gaussian"},
}
CAMERA = np.array([[60.0, 0, 48], [0, 60, 32], [0, 0, 1]])
FIELDS = {"boxes": 1e-4, "scores": 1e-5, "labels": 0, "keypoints": 1e-4, "boxes3d": 1e-4, "alpha_rad": 1e-4}
"""Arrays of detections with the largest difference allowed in each."""


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of files of version 0.1."""
    folder = tmp_path_factory.mktemp("v0_1")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def expected(former: Path) -> dict[str, np.ndarray]:
    """The arrays that version 0.1 gave."""
    with np.load(former / "expected.npz") as arrays:
        return dict(arrays)


def detect(folder: Path, model: str, **options: Any) -> Detections:
    """The detections of a model in the image that version 0.1 ran it on."""
    data = {"pose": "figures", "mono3d": "roads"}.get(model.split("-")[0].split(".")[0], "shapes")
    image = next((folder / "data" / data).rglob("val*/*.png"))
    camera = {"camera": CAMERA} if data == "roads" else {}
    (found,) = CenterNet(folder / model, "cpu", trust=True).predict(
        image, conf=0.02, max_det=20, **camera, **options
    )
    return found


def check_same(found: Detections, expected: dict[str, np.ndarray], name: str, *, factor: float = 1) -> None:
    """Asserts that detections are those of version 0.1."""
    for field, tolerance in FIELDS.items():
        values = np.asarray(getattr(found, field))
        assert values.shape == expected[f"{name}/{field}"].shape, field
        np.testing.assert_allclose(
            values, expected[f"{name}/{field}"], rtol=0, atol=factor * tolerance, err_msg=field
        )


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("model", WEIGHTS)
def test_weights_predict_the_same(
    model: str, options: str, former: Path, expected: dict[str, np.ndarray]
) -> None:
    check_same(detect(former, model, **OPTIONS[options]), expected, f"{model}/{options}")


def test_a_weights_file_alone_predicts_the_same(former: Path, expected: dict[str, np.ndarray]) -> None:
    check_same(detect(former, "detect.safetensors"), expected, "detect/plain")


@pytest.mark.parametrize("model", EXPORTED)
def test_an_exported_file_predicts_the_same(
    model: str, former: Path, expected: dict[str, np.ndarray]
) -> None:
    # Another processor adds up in another order.
    check_same(detect(former, model), expected, f"{model}/plain", factor=10)


def test_weights_written_again_predict_the_same(
    former: Path, tmp_path: Path, expected: dict[str, np.ndarray]
) -> None:
    CenterNet(former / "pose-layered", "cpu").save(tmp_path / "pose-layered")
    (tmp_path / "data").symlink_to(former / "data")

    check_same(detect(tmp_path, "pose-layered"), expected, "pose-layered/plain")


def test_every_setting_of_a_run_is_still_one(former: Path) -> None:
    arguments = yaml.safe_load((former / "runs" / "stopped" / "args.yaml").read_text())

    assert arguments.keys() - {"model", "data"} <= {field.name for field in fields(Recipe)}


# The run folder has another place than that it was written in.
@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_stopped_run_goes_on(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(former)
    model = CenterNet("small", "cpu")
    with Path("runs/stopped/results.csv").open() as file:
        before = list(csv.DictReader(file))

    model.train(resume="runs/stopped", progress=False)

    with Path("runs/stopped/results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [{name: row[name] for name in before[0]} for row in rows[:2]] == before
    # Version 0.1 went on to 3.19714. Its random crops were not moved to whole pixels.
    assert float(rows[2]["train/loss"]) == pytest.approx(3.197, rel=0.01)
    assert rows[2]["lr"] == "1e-05"


def test_the_settings_of_a_run_train_again(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(former)
    arguments = yaml.safe_load(Path("runs/stopped/args.yaml").read_text())
    model = CenterNet(arguments.pop("model"), "cpu")

    model.train(arguments.pop("data"), progress=False, **{**arguments, "epochs": 1, "name": "again"})

    assert yaml.safe_load(Path("runs/again/args.yaml").read_text())["backbone"] == "timm/test_efficientnet"


def test_the_weights_of_a_run_are_trained_on_and_measured_by_the_command_line(
    former: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(former)
    settings = ["epochs=1", "workers=0", "batch=2", "imgsz=64", "project=runs", "name=further", "device=cpu"]

    assert main(["train", "model=runs/stopped", "data=data/shapes", *settings]) == 0
    assert main(["val", "model=runs/further", "data=data/shapes", "device=cpu", "--json"]) == 0
