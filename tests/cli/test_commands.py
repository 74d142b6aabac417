import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.helpers.blank_states import state_of

from centernet.cli import main
from centernet.cli.commands import COMMANDS
from centernet.data.synthetic import write_scenes
from centernet.recipes.presets import RECIPES


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=6, val=3, size=64)


@pytest.fixture(scope="module")
def run_folder(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("runs")
    words = f"train data={scenes} epochs=1 imgsz=64 batch=3 workers=0 project={project} name=tiny device=cpu"
    assert main(words.split()) == 0
    return project / "tiny"


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_trained_run_can_be_evaluated(
    scenes: Path, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_json(
        capsys, "val", f"model={run_folder}", f"data={scenes}", f"save_dir={tmp_path}", "device=cpu"
    )

    assert 0 <= found["metrics"]["AP50"] <= 1
    assert found["images"] == 3
    assert any(tmp_path.iterdir())


def test_resuming_a_finished_run_prints_its_folder(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_json(capsys, "train", f"resume={run_folder}", "device=cpu")

    assert found["run_folder"] == str(run_folder)
    assert "AP" in found["evaluation"]["metrics"]


def test_predict_prints_a_line_for_each_image_and_writes_plots(
    scenes: Path, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    words = f"predict model={run_folder} source={scenes}/**/*.png conf=0 max_det=2 project={tmp_path} --json"
    code = main([*words.split(), "device=cpu", "--crops", "--save_json"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert len(lines) == 9
    assert all(len(json.loads(line)["detections"]) == 2 for line in lines)
    folder = tmp_path / "predict"
    assert len(list(folder.glob("*.png"))) == 9
    assert len(list(folder.glob("crops/*/*.png"))) == 18
    assert len(json.loads((folder / "results.json").read_text())) == 18


def test_predict_and_val_take_the_options_of_inference(
    scenes: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["flip=true", "scales=0.5,1", "class_agnostic=true", "resize=follow", "imgsz=96", "max_det=5"]
    found = run_json(
        capsys, "predict", f"model={run_folder}", f"source={next(scenes.rglob('*.png'))}", "save=false",
        "conf=0", "device=cpu", *words,
    )  # fmt: skip
    measured = run_json(
        capsys, "val", f"model={run_folder}", f"data={scenes}", "device=cpu", "exact=true", *words
    )

    assert len(found["detections"]) == 5
    assert measured["images"] == 3


@pytest.mark.parametrize("command", ["predict", "val"])
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("imgsz=100", "imgsz must be a multiple of 32 for these weights; got 100: try imgsz=96"),
        ("resize=stretch", "resize=stretch is not a resize rule: choose fit, follow, keep"),
        ("scales=0", "got 0: try scales=0.5,1,1.5"),
        ("exact=true", "exact sets how NMS is done: add nms=gaussian, or several scales"),
        ("max_det=0", "max_det is a number from 1 to 100000; got 0"),
    ],
)
def test_impossible_options_end_with_2(
    command: str, word: str, message: str, scenes: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"predict": "source", "val": "data"}[command]
    code = main([command, f"model={run_folder}", f"{where}={scenes}", "device=cpu", word])

    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("key", ["ground_truth", "truth"])
def test_score_reads_results_from_files(
    key: str, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground_truth = next(scenes.rglob("*val*.json"))
    results = tmp_path / "results.json"
    images = {one["id"]: one for one in json.loads(ground_truth.read_text())["images"]}
    boxes = [
        {"image_id": one["image_id"], "category_id": one["category_id"], "bbox": one["bbox"], "score": 0.9}
        for one in json.loads(ground_truth.read_text())["annotations"]
        if one["image_id"] in images
    ]
    results.write_text(json.dumps(boxes))
    found = run_json(capsys, "score", "format=coco", f"{key}={ground_truth}", f"results={results}")

    assert found["metrics"]["AP"] == pytest.approx(1)


def test_results_that_val_writes_have_the_same_scores(
    scenes: Path, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "new" / "results.json"
    words = (f"model={run_folder}", f"data={scenes}", "device=cpu", f"save_json={results}")
    measured = run_json(capsys, "val", *words)["metrics"]
    scored = run_json(
        capsys, "score", "format=coco", f"ground_truth={scenes}", f"results={results}", "split=val"
    )

    assert scored["metrics"] == pytest.approx({name: measured[name] for name in scored["metrics"]})


def test_the_doctor_examines_every_split(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "doctor", f"data={scenes}", "imgsz=64")

    assert found["splits"].keys() == {"train", "val"}
    assert all(one["is_trainable"] for one in found["splits"].values())
    assert run_json(capsys, "doctor", f"data={scenes}", "split=val")["splits"].keys() == {"val"}


def test_the_doctor_ends_with_1_where_training_would_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_scenes(tmp_path / "scenes", train=2, val=2, size=64)
    image = next(path for path in sorted(folder.rglob("*.png")) if "train" in str(path))
    image.write_bytes(image.read_bytes()[:2000] + bytes(500) + image.read_bytes()[2500:])
    code = main(["doctor", f"data={folder}"])

    assert code == 1
    text = capsys.readouterr().out
    assert "corrupt image: 1 → training stops at this image" in text
    assert main(["doctor", f"data={folder}", "--read_images=false"]) == 0


def test_the_doctor_goes_on_after_a_broken_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_scenes(tmp_path / "scenes", train=2, val=2, size=64)
    next(folder.rglob("*train*.json")).write_text("{")
    code = main(["doctor", f"data={folder}", "--json"])
    splits = json.loads(capsys.readouterr().out)["splits"]

    assert code == 1
    assert not splits["train"]["is_trainable"]
    assert "error" in splits["train"]
    assert splits["val"]["is_trainable"]


def test_preview_writes_the_image(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    found = run_json(capsys, "preview", f"data={scenes}", f"output={path}", "count=4")

    assert found["output"] == str(path)
    with Image.open(path) as sheet:
        assert min(sheet.size) > 300


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("sheet.txt", 2, "sheet.txt is not the name of an image: end it in .png, .jpg or .webp"),
        ("absent/sheet.png", 1, "sheet.png cannot be written (No such file or directory)"),
    ],
)
def test_preview_names_an_image_it_cannot_write(
    scenes: Path, tmp_path: Path, output: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", f"data={scenes}", f"output={tmp_path / output}"]) == code
    assert message in capsys.readouterr().err


def test_models_lists_every_recipe_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "models")

    assert [one["name"] for one in found["recipes"]] == list(RECIPES)
    assert all(one["about"].endswith(".") for one in found["recipes"] + found["weights"])


def test_convert_prints_what_the_checkpoint_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = state_of("ctdet_res_18", hm__2__weight=(2, 64, 1, 1), hm__2__bias=(2,))
    path = tmp_path / "model_last.pth"
    torch.save({"state_dict": {key: torch.zeros_like(one, device="cpu") for key, one in state.items()}}, path)
    found = run_json(capsys, "convert", f"model={path}", f"output={tmp_path / 'w'}", "names=apple,pear")

    assert found == {
        "folder": str(tmp_path / "w"),
        "architecture": "resnet18",
        "task": "detect",
        "names": ["apple", "pear"],
        "data": "your own data, preprocessed as COCO",
        "num_parameters": found["num_parameters"],
        "left_out": [],
        "next": f"centernet predict model={tmp_path / 'w'} source=images/",
    }
    assert round(found["num_parameters"] / 1e6, 1) == 15.8


def test_convert_ends_with_1_for_a_broken_file_and_2_for_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"PK")

    assert main(["convert", f"model={path}", f"output={tmp_path / 'w'}"]) == 1
    assert (
        capsys.readouterr().err
        == f"centernet: {path} is cut short, or no checkpoint at all: copy or download it again\n"
    )
    assert main(["convert", f"model={path}", f"output={path}"]) == 2
    assert capsys.readouterr().err == f"centernet: output={path} is a file: name a folder\n"


def test_the_error_of_predict_names_the_command_to_convert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ctdet_coco_dla_2x.pth"
    path.write_bytes(b"PK")

    assert main(["predict", f"model={path}", "source=images"]) == 1
    assert f"centernet convert model={path} output=weights/ctdet_coco_dla_2x" in capsys.readouterr().err


def test_demo_passes_its_arguments_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import centernet.demo

    calls = []

    class Evaluation:
        def __str__(self) -> str:
            return "a table"

        def to_json(self) -> dict[str, Any]:
            return {"AP": 1}

    def run_demo(folder: Path, **settings: Any) -> Evaluation:
        settings.pop("say")("on the way")
        calls.append((folder, settings))
        return Evaluation()

    monkeypatch.setattr(centernet.demo, "run_demo", run_demo)
    code = main(["demo", "folder=here", "epochs=2"])
    printed = capsys.readouterr()

    assert code == 0
    assert calls == [(Path("here"), {"epochs": 2})]
    assert (printed.out, printed.err) == ("a table\n", "on the way\n")


def test_ctrl_c_prints_the_command_to_resume(
    tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("centernet.training.fit.fit", stop)
    words = f"train model=nano data={scenes} project={tmp_path} imgsz=64 batch=2 epochs=1 device=cpu"
    code = main(words.split())
    hint = f"centernet: stopped; to go on: centernet train resume={tmp_path}/train"

    assert code == 130
    assert capsys.readouterr().err.splitlines()[-1] == hint
    assert main(["train", f"resume={tmp_path}/train"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == hint


def test_ctrl_c_before_there_is_a_run_prints_no_command(
    tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("centernet.detector.training_run.open_training_data", stop)
    code = main(["train", f"data={scenes}", f"project={tmp_path}"])

    assert code == 130
    assert capsys.readouterr().err == f"reading {scenes} and loading torch\ncenternet: stopped\n"


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def signatures() -> Iterator[tuple[str, Any]]:
    from centernet.conversion import convert
    from centernet.data.doctor.examine import examine
    from centernet.data.doctor.preview import contact_sheet_of
    from centernet.demo import run_demo
    from centernet.detector import CenterNet
    from centernet.evaluation import score

    yield "val", CenterNet.val
    yield "predict", CenterNet.predict
    yield "doctor", examine
    yield "preview", contact_sheet_of
    yield "score", score
    yield "convert", convert
    yield "demo", run_demo


def test_help_lists_the_defaults_of_the_functions() -> None:
    compared = 0
    for command, function in signatures():
        parameters = inspect.signature(function).parameters
        for argument in COMMANDS[command].arguments:
            parameter = parameters.get(argument.name)
            if parameter is None or parameter.default in (parameter.empty, None):
                continue
            value = argument.type.read(argument.default)
            value = tuple(value) if isinstance(value, list) else value
            assert value == parameter.default, (command, argument.name)
            compared += 1

    assert compared > 10


def test_plots_do_not_overwrite_their_images(
    tmp_path: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "predict" / "a.png"
    path.parent.mkdir()
    Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(path)
    before = path.read_bytes()
    words = f"predict model={run_folder} source={path} project={tmp_path} exist_ok=true device=cpu"
    code = main(words.split())

    assert code == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_predict_fails_if_no_image_can_be_read(
    tmp_path: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no image")
    code = main(f"predict model={run_folder} source={path} save=false device=cpu".split())

    assert code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"skipped {path}: is not a readable image")
    assert lines[1] == f"centernet: {path}: no image of it could be read"
