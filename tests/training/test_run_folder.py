"""Run folders: used again, resumed, and the files in them."""

import csv
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.recipes.presets import few
from centernet.recipes.recipe import Recipe, in_proportion, with_settings
from centernet.structures.thresholds import Thresholds
from centernet.training.build import build_predictor
from centernet.training.data import open_training_data
from centernet.training.loaders import validation_loader
from centernet.training.run_folder import arguments_of
from centernet.weights.files import load

TINY = {
    "epochs": 1,
    "batch": 4,
    "imgsz": 64,
    "channels": 16,
    "head_channels": 16,
    "regression_channels": 0,
    "workers": 0,
    "precision": "32",
    "progress": False,
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=8, val=2, size=64)


@pytest.fixture(scope="module")
def without_val(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "train-only"
    shutil.copytree(scenes, folder)
    for file in folder.rglob("*val*.json"):
        file.unlink()
    return folder


def test_a_run_in_a_folder_that_exists_starts_from_the_beginning(scenes: Path, tmp_path: Path) -> None:
    for lr in (1e-3, 1e-2):
        CenterNet("nano", "cpu").train(scenes, project=str(tmp_path), exist_ok=True, lr=lr, **TINY)

    with (tmp_path / "train" / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    # A tenth of the second learning rate.
    assert float(row["lr"]) == pytest.approx(1e-3)


def test_the_best_weights_keep_the_temperature_and_the_threshold_of_their_validation(
    scenes: Path, tmp_path: Path
) -> None:
    CenterNet("nano", "cpu").train(scenes, project=str(tmp_path), **TINY)

    with (tmp_path / "train" / "results.csv").open() as file:
        (row,) = csv.DictReader(file)
    predictor = load(tmp_path / "train")
    temperature = float(row["val/temperature"])
    assert vars(predictor.task)["temperature"] == pytest.approx(temperature, rel=1e-4)
    # Where nothing is right yet, no threshold is known.
    measured = float(row["val/threshold"]) if row["val/threshold"] else None
    expected = Thresholds(measured).scaled(temperature, float(row["val/score_bias"])).overall
    assert predictor.thresholds.overall == (expected and pytest.approx(expected, abs=2e-4))


def test_the_average_of_the_weights_is_saved_without_validation_too(
    without_val: Path, tmp_path: Path
) -> None:
    CenterNet("nano", "cpu").train(without_val, project=str(tmp_path), ema=0.99, val_split=0, **TINY)

    run = tmp_path / "train"
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    kept = load_file(run / "weights" / "last.safetensors")
    averaged = {key.removeprefix("network."): value for key, value in checkpoint["state_dict"].items()}
    learned = checkpoint["current_model_state"]
    # Runs of earlier versions resume only if these keys stay.
    assert {"RunFolder", "Averaging"} <= checkpoint["callbacks"].keys()
    assert all(torch.equal(value, averaged[key]) for key, value in kept.items())
    assert any(not torch.equal(value, learned[f"network.{key}"]) for key, value in kept.items())


def test_a_run_that_started_from_weights_resumes_without_them(scenes: Path, tmp_path: Path) -> None:
    CenterNet("nano", "cpu").train(scenes, project=str(tmp_path), name="first", **TINY)
    second = CenterNet(tmp_path / "first", "cpu")
    second.train(scenes, project=str(tmp_path), name="second", **TINY)
    shutil.rmtree(tmp_path / "first")

    assert CenterNet(tmp_path / "second", "cpu").train(resume=True) is not None


def test_a_data_set_may_have_the_name_of_a_recipe(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(scenes, tmp_path / "nano")
    monkeypatch.chdir(tmp_path)

    assert CenterNet("nano", "cpu").train("nano", **TINY) is not None


def test_patience_does_not_end_a_run_whose_validation_images_have_no_objects(
    scenes: Path, tmp_path: Path
) -> None:
    data = tmp_path / "background"
    shutil.copytree(scenes, data)
    (file,) = data.rglob("*val*.json")
    content = file.read_text()
    file.write_text(content[: content.index('"annotations"')] + '"annotations": [], ' + _categories(content))
    CenterNet("nano", "cpu").train(data, project=str(tmp_path), patience=1, **{**TINY, "epochs": 3})

    assert len((tmp_path / "train" / "results.csv").read_text().splitlines()) == 4


def _categories(content: str) -> str:
    start = content.index('"categories"')
    return content[start : content.index("]", start) + 1] + "}"


def test_images_without_a_camera_are_not_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_scenes(tmp_path / "roads", train=2, val=2, mode="roads", size=(64, 128), format="kitti")
    recipe = Recipe(task="mono3d")
    _, whole = open_training_data(str(data), recipe)
    assert whole is not None
    first, second = whole.records
    camera = next(path for path in data.rglob("calib/*.txt") if path.stem == first.path.stem)
    camera.unlink()
    _, rest = open_training_data(str(data), recipe)

    assert rest is not None
    assert [record.path for record in rest.records] == [second.path]
    assert "1 images have no camera and are not evaluated" in capsys.readouterr().err
    next(path for path in data.rglob("calib/*.txt") if path.stem == second.path.stem).unlink()
    with pytest.raises(InputError, match="no validation image has a camera"):
        open_training_data(str(data), recipe)


def test_every_process_has_validation_images(scenes: Path) -> None:
    recipe = Recipe(imgsz=64, channels=16, head_channels=16, workers=0)
    training, validation = open_training_data(str(scenes), recipe)
    assert validation is not None
    predictor = build_predictor(recipe, training.categories)
    counts = [len(validation_loader(validation, predictor, recipe, rank, 5)) for rank in range(5)]

    assert counts == [1] * 5


def test_a_batch_too_small_for_batch_statistics_is_named(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the coarsest map of imgsz=32 is one cell"):
        CenterNet("nano", "cpu").train(scenes, project=str(tmp_path), **{**TINY, "imgsz": 32, "batch": 1})


def test_settings_in_epochs_scale_with_the_number_of_epochs() -> None:
    base = few()
    longer = in_proportion(replace(base, epochs=194), base, {"epochs"})
    chosen = in_proportion(replace(base, epochs=10, plain_epochs=3), base, {"epochs", "plain_epochs"})

    assert (longer.lr_steps, longer.plain_epochs) == ((156,), 38)
    assert (chosen.lr_steps, chosen.plain_epochs) == ((8,), 3)
    assert in_proportion(base, base, ()) == base
    assert in_proportion(replace(base, epochs=1), base, {"epochs"}).lr_steps == (1,)


@pytest.mark.parametrize("devices", ["0", "x", "1,", "-2"])
def test_devices_are_a_count_or_numbers(devices: str) -> None:
    with pytest.raises(UsageError, match="devices is auto, a count from 1 on, or numbers"):
        Recipe(devices=devices)


def test_settings_of_a_run_of_version_0_1_0_are_read_as_they_were_written() -> None:
    arguments = arguments_of(Path(__file__).with_name("run-0.1.0"))
    written = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    model, data = written.pop("model"), written.pop("data")
    recipe = with_settings(Recipe(), **written)

    assert (model, data, recipe.task) == ("nano", "scenes", "pose")
    # It was a switch then.
    assert asdict(recipe) | written | {"pretrained": "false"} == asdict(recipe)
