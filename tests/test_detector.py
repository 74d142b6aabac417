import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from centernet.data.synthetic import write_scenes
from centernet.detections import Detections
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.evaluation import Evaluation, evaluate
from centernet.inference.predictor import TorchPredictor
from centernet.io.images import read_image
from centernet.recipes.recipe import Recipe
from centernet.structures import Dataset
from centernet.structures.sample import sample_of

TINY = {
    "backbone": "timm/resnet10t",
    "channels": 16,
    "head_channels": 16,
    "regression_channels": 0,
    "imgsz": 64,
    "batch": 8,
    "workers": 0,
    "precision": "32",
    "progress": False,
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=16, val=4, size=64)


@pytest.fixture(scope="module")
def model(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> CenterNet:
    trained = CenterNet("nano", device="cpu")
    trained.train(scenes, epochs=2, project=str(tmp_path_factory.mktemp("runs")), **TINY)
    return trained


def without_temperature(model: CenterNet) -> Any:
    """The task, but for the number that is fitted on the validation images."""
    return cast("Any", model.predictor.task).with_settings(temperature=1.0, score_bias=0.0)


def test_levels_are_trained_used_explained_and_trained_on(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = CenterNet("nano", device="cpu")
    trained.train(scenes, epochs=1, levels=2, per_cell=2, project=str(tmp_path / "first"), **TINY)
    again = CenterNet(tmp_path / "first" / "train", device="cpu")
    again.train(scenes, epochs=1, project=str(tmp_path / "second"), **TINY)
    image = read_image(sorted(scenes.rglob("val/*"))[0], None)

    assert without_temperature(again) == without_temperature(trained)
    assert len(again.predictor.detect([sample_of(image, "a")])) == 1
    assert again.predictor.explain(sample_of(image, "a")).shape[2] == 3
    assert "start afresh" not in capsys.readouterr().err


def test_boxes_predicted_by_their_sides_are_trained_used_flipped_and_trained_on(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"sides_weight": 0.5, "spread_share": 0.54, "spread": 1, "quality": 0.5, "giou_weight": 2.0}
    mixed = {"mosaic": 0.5, "mixup": 0.5, "copy_paste": 0.5}
    trained = CenterNet("nano", device="cpu")
    trained.train(scenes, epochs=1, project=str(tmp_path / "first"), **settings, **mixed, **TINY)
    again = CenterNet(tmp_path / "first" / "train", device="cpu")
    again.train(scenes, epochs=1, project=str(tmp_path / "second"), **TINY)
    image = read_image(sorted(scenes.rglob("val/*"))[0], None)
    (found,) = again.predict(image, conf=0.0, flip=True)

    assert without_temperature(again) == without_temperature(trained)
    assert len(found) > 0
    assert "start afresh" not in capsys.readouterr().err


def test_levels_are_not_used_by_triplets(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="per_cell is not used by triplet: leave it out"):
        CenterNet("triplet", device="cpu").train(scenes, per_cell=2, project=str(tmp_path))


def test_a_run_folder_holds_settings_weights_curves_and_plots(model: CenterNet) -> None:
    assert model.run_folder is not None
    names = {path.relative_to(model.run_folder).as_posix() for path in model.run_folder.rglob("*")}

    assert names >= {
        "args.yaml", "env.json", "results.csv", "results.png", "last.ckpt", "weights/best.safetensors",
        "weights/last.safetensors", "train_batch1.jpg", "val_predictions.jpg", "pr_curves.png",
        "confusion_matrix.png", "classes.png",
    }  # fmt: skip
    assert not [name for name in names if name.endswith(".part")]


def test_a_run_folder_is_a_model(model: CenterNet, scenes: Path) -> None:
    again = CenterNet(str(model.run_folder), device="cpu")

    first, second = (list(m.predict(scenes / "val", conf=0.0)) for m in (model, again))

    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)


def test_images_of_every_type_give_the_same_detections(model: CenterNet, scenes: Path) -> None:
    path = next(iter(sorted((scenes / "val").glob("*.png"))))
    image = np.array(Image.open(path).convert("RGB"))
    sources = [path, str(path), Image.open(path), image, torch.from_numpy(image).permute(2, 0, 1), [image]]

    found = [next(iter(model.predict(source, conf=0.0))) for source in sources]

    for one in found[1:]:
        assert np.allclose(one.boxes, found[0].boxes, atol=1e-3)


def test_batches_change_nothing(model: CenterNet, scenes: Path) -> None:
    single = list(model.predict(scenes / "val", conf=0.0, batch=1))
    batched = list(model.predict(scenes / "val", conf=0.0, batch=3))

    assert [one.name for one in single] == [one.name for one in batched]
    for one, other in zip(single, batched, strict=True):
        assert np.allclose(one.boxes, other.boxes, atol=1e-2)


def test_images_are_read_only_when_asked_for(model: CenterNet, scenes: Path) -> None:
    def images() -> "object":
        yield np.zeros((20, 30, 3), dtype=np.uint8)
        raise AssertionError("the second image was not asked for")

    stream = model.predict(images())

    assert next(iter(stream)).image_size == (20, 30)


def test_a_broken_image_is_named_and_skipped_or_fatal_when_strict(
    model: CenterNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"no image")

    found = list(model.predict(tmp_path))

    assert [Path(one.name).name for one in found] == ["good.png"]
    assert "bad.jpg" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"bad\.jpg"):
        list(model.predict(tmp_path, strict=True))


def test_fewer_and_more_detections_can_be_asked_for(model: CenterNet) -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)

    few, many, all_of_them = (next(iter(model.predict(image, conf=0.0, max_det=n))) for n in (3, 150, 10_000))

    assert len(few) == 3
    assert 3 < len(many) <= 150
    assert (all_of_them.scores > 0).all()


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[list[Detections]]:
    """The evaluated detections, one list for each call of `val`."""
    calls: list[list[Detections]] = []

    def keep(dataset: Dataset, found: Sequence[Detections], *others: Any) -> Evaluation:
        calls.append(list(found))
        return evaluate(dataset, found, *others)

    monkeypatch.setattr("centernet.evaluation.summary.evaluate", keep)
    return calls


def test_val_evaluates_at_most_max_det_detections(
    model: CenterNet, scenes: Path, evaluated: list[list[Detections]]
) -> None:
    for settings in ({}, {"max_det": 100}, {"max_det": 2}):
        model.val(scenes, **settings)
    own, hundred, two = ([len(one) for one in found] for found in evaluated)

    assert own == hundred
    assert min(own) > 2
    assert two == [2] * 4


@pytest.mark.parametrize(
    "options",
    [
        {"resize": "keep", "flip": True},
        {"resize": "follow", "imgsz": 96},
        {"scales": (0.5, 1.0)},
        {"scales": (0.5, 1.0), "exact": True},
        {"class_agnostic": True},
        {"slice": 40, "slice_overlap": 0.5, "workers": 2},
    ],
    ids=str,
)
def test_val_has_the_options_of_predict(
    model: CenterNet, scenes: Path, options: dict[str, Any], evaluated: list[list[Detections]]
) -> None:
    plain = list(model.predict(scenes / "val", conf=0.0))
    found = list(model.predict(scenes / "val", conf=0.0, **options))
    model.val(scenes, **options)

    for one, other in zip(found, evaluated[0], strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-4)
    assert any(
        len(one) != len(other) or np.abs(one.scores - other.scores).max() > 1e-4
        for one, other in zip(found, plain, strict=True)
    )


def test_an_image_that_fits_in_a_tile_has_the_same_detections_as_without_tiles(
    model: CenterNet, scenes: Path
) -> None:
    plain, sliced = (
        list(model.predict(scenes / "val", conf=0.0, **options)) for options in ({}, {"slice": 64})
    )

    for one, other in zip(plain, sliced, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)


def test_tiles_may_have_more_detections_than_the_image_as_a_whole(model: CenterNet, scenes: Path) -> None:
    images = [read_image(path) for path in sorted((scenes / "val").glob("*.png"))]
    large = np.concatenate([np.concatenate(images, axis=1)] * 2)
    once = next(model.predict(large, conf=0.0, max_det=400, resize="keep"))
    (found,) = model.predict(large, conf=0.0, max_det=400, slice=64, slice_overlap=0.0, batch=3)
    (few,) = model.predict(large, conf=0.0, max_det=50, slice=64)

    assert found.image_size == (128, 256)
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [256, 128, 256, 128]).all()
    assert found.boxes[:, 2:].max(axis=0).tolist() > [192, 64]
    assert len(found) > len(once) / 2
    assert len(few) == 50


def test_a_bar_ends_where_the_images_end(
    model: CenterNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no image")

    found = list(model.predict(tmp_path, progress=True))

    assert [one.image_id for one in found] == [0, 2]
    assert "1.png" in capsys.readouterr().err


def test_weights_go_through_a_folder_unchanged(model: CenterNet, tmp_path: Path) -> None:
    loaded = CenterNet.from_pretrained(model.save(tmp_path / "w"), device="cpu")
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)

    one, other = (next(iter(m.predict(image, conf=0.0))) for m in (model, loaded))

    assert np.array_equal(one.boxes, other.boxes)
    assert loaded.categories == model.categories


def test_trained_weights_start_a_training_on_other_classes(
    model: CenterNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_scenes(tmp_path / "s", train=8, val=0, size=64, shapes=("star", "cross"))
    tuned = CenterNet(str(model.run_folder), device="cpu")

    runs = str(tmp_path / "runs")
    result = tuned.train(other, epochs=1, workers=0, progress=False, val_split=0, project=runs)

    assert result is None
    assert tuned.categories.names == ("star", "cross")
    assert "heads.0.heatmap.2" in capsys.readouterr().err


@pytest.mark.parametrize("val_every", [2, 9])
def test_the_last_epoch_is_validated_and_its_weights_are_kept(
    scenes: Path, tmp_path: Path, val_every: int
) -> None:
    trained = CenterNet("nano", device="cpu")
    trained.train(scenes, epochs=3, val_every=val_every, project=str(tmp_path), **TINY)
    assert trained.run_folder is not None
    rows = list(csv.DictReader((trained.run_folder / "results.csv").read_text().splitlines()))

    assert [bool(row["val/AP"]) for row in rows] == [False, val_every == 2, True]
    assert (trained.run_folder / "weights" / "last.safetensors").is_file()


def test_a_recipe_starts_from_the_layers_of_weights_that_fit(
    model: CenterNet, scenes: Path, tmp_path: Path
) -> None:
    tuned = CenterNet("nano", device="cpu")
    runs, weights = str(tmp_path / "runs"), str(model.run_folder)
    tuned.train(scenes, start=weights, epochs=1, lr=1e-9, ema=0, project=runs, **TINY)
    (args,) = (tmp_path / "runs").glob("*/args.yaml")

    tuned_weights, initial = (dict(one.network.named_parameters()) for one in (tuned, model))
    assert max((tuned_weights[name] - initial[name]).abs().max() for name in initial) < 1e-6
    assert f"start: {weights}" in args.read_text()
    with pytest.raises(InputError, match="no weights 'nowhere/at/all'"):
        CenterNet("demo", device="cpu").train(scenes, start="nowhere/at/all", project=runs, **TINY)


def test_a_data_set_of_other_classes_cannot_be_evaluated(model: CenterNet, tmp_path: Path) -> None:
    other = write_scenes(tmp_path / "s", train=0, val=2, size=64, shapes=("star",))

    with pytest.raises(InputError, match=r"has star, but the detector knows .*: no class in common"):
        model.val(other)


def test_mistakes_of_the_caller_are_named(model: CenterNet, scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="recipe without weights: train it"):
        CenterNet("nano").predict("x.jpg")
    with pytest.raises(UsageError, match=r"conf is a score from 0 to 1; got 30.0"):
        model.predict("x.jpg", conf=30.0)
    with pytest.raises(UsageError, match="imgsz must be a multiple of 32 for these weights; got 65"):
        model.predict("x.jpg", imgsz=65)
    with pytest.raises(UsageError, match="exact sets how NMS is done"):
        model.val("data", exact=True)
    with pytest.raises(UsageError, match="workers is a number from 0 to 256; got -1"):
        model.predict("x.jpg", workers=-1)
    with pytest.raises(UsageError, match="slice is the side of the tiles, 32 pixels or more; got 3"):
        model.predict("x.jpg", slice=3)
    with pytest.raises(UsageError, match="slice_overlap is the overlap of tiles: add slice=640"):
        model.val("data", slice_overlap=0.3)
    with pytest.raises(UsageError, match="did you mean epochs"):
        model.train("data", epoch=3)
    with pytest.raises(UsageError, match="train needs a data set"):
        model.train()
    with pytest.raises(UsageError, match="device 'gpu9' cannot be used"):
        CenterNet("nano", device="gpu9")
    with pytest.raises(InputError, match="no weights 'nothing'"):
        CenterNet("nothing")
    with pytest.raises(UsageError, match="no run in"):
        CenterNet("nano").train(resume=True, project=str(tmp_path))
    with pytest.raises(UsageError, match="a resumed run keeps its data: leave elsewhere out"):
        model.train("elsewhere", resume=True)
    with pytest.raises(UsageError, match="giou_weight is not used by triplet"):
        CenterNet("triplet", device="cpu").train(scenes, giou_weight=2, project=str(tmp_path))


def test_the_run_of_the_weights_is_resumed_not_the_latest_one(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        CenterNet("nano", "cpu").train(scenes, epochs=1, project=str(tmp_path), name=name, **TINY)
    again = CenterNet(tmp_path / "first" / "weights" / "last.safetensors", "cpu")
    capsys.readouterr()
    again.train(resume=True)

    assert again.run_folder == tmp_path / "first"


def test_training_runs_on_the_device_of_the_model(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = []

    def stop(predictor: TorchPredictor, recipe: Recipe, *_: object, **__: object) -> None:
        devices.append(recipe.device)
        raise KeyboardInterrupt

    monkeypatch.setattr("centernet.training.fit.fit", stop)
    for device, settings in (("auto", {}), ("cpu", {}), ("cpu", {"device": "auto"})):
        with pytest.raises(KeyboardInterrupt):
            CenterNet("nano", device).train(scenes, project=str(tmp_path), **settings)

    assert devices == ["auto", "cpu", "auto"]


def test_patience_counts_epochs_not_validations(scenes: Path, tmp_path: Path) -> None:
    model = CenterNet("demo", "cpu")
    model.train(scenes, epochs=20, patience=3, val_every=2, lr=1e-9, project=str(tmp_path), **TINY)

    assert model.run_folder is not None
    rows = (model.run_folder / "results.csv").read_text().splitlines()[1:]
    # AP was computed after epochs 2, 4 and 6, of which the first is the best.
    assert len(rows) == 6


def test_a_training_that_diverges_says_so_and_writes_no_weights_that_are_not_finite(
    scenes: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"not finite .* in epoch \d+ .*lower lr"):
        CenterNet("nano", device="cpu").train(
            scenes, epochs=3, lr=1e9, clip=0, warmup_epochs=0, project=str(tmp_path), **TINY
        )
    for path in tmp_path.rglob("*.safetensors"):
        CenterNet(path, device="cpu")


def test_tensorboard_events_need_its_package(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("tensorboard")

    monkeypatch.setattr("centernet.training.fit.TensorBoardLogger", is_missing)

    with pytest.raises(UsageError, match=r"pip install \"centernet\[log\]\""):
        CenterNet("nano", device="cpu").train(
            scenes, epochs=1, tensorboard=True, project=str(tmp_path), **TINY
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("best.pt", "weights are a folder of three files: leave .pt out"),
        ("best.safetensors", "leave .safetensors out"),
        ("best.onnx", r"is the name of an exported file: export\(format, output=...\) writes it"),
    ],
)
def test_weights_are_not_saved_under_the_name_of_another_file(
    name: str, message: str, model: CenterNet, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        model.save(tmp_path / name)

    assert not list(tmp_path.iterdir())


def test_classes_have_names(model: CenterNet) -> None:
    assert model.names == model.categories.names
