"""What a run needs to go on: its own data, its settings, its checkpoint; the rest may be lost."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.structures import Categories, Skeleton
from centernet.training.resuming import check_same_data, classes_of
from centernet.weights.files import epoch_of

SETTINGS = {
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
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` and the finished `run`."""
    folder = tmp_path_factory.mktemp("begun")
    data = write_scenes(folder / "data", train=8, val=2, size=64)
    CenterNet("nano", "cpu").train(data, project=str(folder), name="run", **SETTINGS)
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy of the run, in a folder of another name, with a copy of its data."""
    shutil.copytree(begun, tmp_path / "copy")
    settings = tmp_path / "copy" / "run" / "args.yaml"
    settings.write_text(settings.read_text().replace(str(begun), str(tmp_path / "copy")))
    return (tmp_path / "copy" / "run").rename(tmp_path / "copy" / "renamed")


def test_a_run_says_which_epoch_its_best_weights_are_of(begun: Path) -> None:
    assert epoch_of(begun / "run") == 1
    assert not (begun / "run" / ".lock").exists()


def test_a_run_goes_on_in_a_renamed_folder_without_its_weights(run: Path) -> None:
    expected = load_file(run / "weights" / "last.safetensors")
    shutil.rmtree(run / "weights")
    model = CenterNet("nano", "cpu")

    assert model.train(resume=run, progress=False) is not None
    assert model.run_folder == run
    restored = load_file(run / "weights" / "last.safetensors")
    assert all(torch.equal(value, restored[key]) for key, value in expected.items())


def test_the_best_weights_are_found_again_if_they_were_lost(run: Path) -> None:
    (run / "weights" / "best.safetensors").unlink()
    settings = run / "args.yaml"
    settings.write_text(settings.read_text().replace("epochs: 1\n", "epochs: 2\n"))
    CenterNet("nano", "cpu").train(resume=run, progress=False)

    assert epoch_of(run / "weights" / "best.safetensors") == 2


def _renamed(names: list[str]) -> list[str]:
    return ["ship", *names[1:]]


def _reordered(names: list[str]) -> list[str]:
    return names[::-1]


@pytest.mark.parametrize("change", [_renamed, _reordered])
def test_other_classes_are_refused_with_what_to_do(
    change: Callable[[list[str]], list[str]], run: Path
) -> None:
    data = run.parent / "data"
    names = ["circle", "square", "triangle"]
    for file in data.rglob("*.json"):
        content = json.loads(file.read_text())
        for entry, name in zip(content["categories"], change(names), strict=True):
            entry["name"] = name
        file.write_text(json.dumps(content))

    with pytest.raises(InputError) as caught:
        CenterNet("nano", "cpu").train(resume=run, progress=False)
    assert str(caught.value) == (
        f"{data} has classes {', '.join(change(names))} now, the run was begun with {', '.join(names)}: "
        f"to go on from its weights, train model={run} data={data}"
    )


def test_other_keypoints_another_task_and_long_lists_are_told(run: Path) -> None:
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    state = checkpoint["callbacks"]["RunFolder"]

    def refused(begun_with: Categories, now: Categories, task: str = "detect") -> str:
        state["classes"] = classes_of(begun_with)
        torch.save(checkpoint, run / "last.ckpt")
        with pytest.raises(InputError) as caught:
            check_same_data(run, "data", task, now)
        return str(caught.value).partition(": to go on")[0]

    three, two = Skeleton(names=("nose", "left", "right")), Skeleton(names=("nose", "left"))
    many = [f"kind {number}" for number in range(80)]

    assert refused(Categories(("cow",), (1,), (three,)), Categories(("cow",), (1,), (two,))) == (
        "data has keypoints of cow nose, left now, the run was begun with nose, left, right"
    )
    assert refused(Categories.of("cow"), Categories.of("cow"), "pose") == (
        f"{run} has task=pose in its settings, the run was begun with detect"
    )
    assert refused(Categories.of(*many), Categories.of(*many[:40], "new", *many[40:])) == (
        "data has 81 classes now, the run was begun with 80; the first that differs is number 41, "
        "'new' now and 'kind 40' then"
    )


def test_a_run_of_an_earlier_version_is_compared_by_its_weights(run: Path) -> None:
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    del checkpoint["callbacks"]["RunFolder"]["classes"]
    torch.save(checkpoint, run / "last.ckpt")

    check_same_data(run, "data", "detect", Categories.of("circle", "square", "triangle"))
    with pytest.raises(InputError, match="the run was begun with circle, square, triangle"):
        check_same_data(run, "data", "detect", Categories.of("circle", "square"))


@pytest.mark.parametrize("entry", ["optimizer_states", "lr_schedulers", "loops", "state_dict", "callbacks"])
def test_a_checkpoint_with_other_content_is_named_in_a_line(entry: str, run: Path) -> None:
    path = run / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint[entry] = {"RunFolder": {"rows": 3}} if entry == "callbacks" else {"a": 1}
    torch.save(checkpoint, path)
    settings = run / "args.yaml"
    settings.write_text(settings.read_text().replace("epochs: 1\n", "epochs: 2\n"))

    with pytest.raises(InputError, match="go on from its weights, train model=") as caught:
        CenterNet("nano", "cpu").train(resume=run, progress=False)
    assert str(caught.value).startswith(f"{path} does not fit this run")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("classes", [7, [1, 2], [("cow",)], [("cow", 5)]])
def test_classes_of_another_form_are_named_in_a_line(classes: object, run: Path) -> None:
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    checkpoint["callbacks"]["RunFolder"]["classes"] = classes
    torch.save(checkpoint, run / "last.ckpt")

    with pytest.raises(InputError, match=r"last\.ckpt does not fit this run \(\w+Error: "):
        check_same_data(run, "data", "detect", Categories.of("cow"))


def test_lost_weights_are_not_taken_from_what_are_none(run: Path) -> None:
    checkpoint = torch.load(run / "last.ckpt", weights_only=True)
    key = next(key for key in checkpoint["state_dict"] if key.startswith("network."))
    checkpoint["state_dict"] |= {key: "text", 5: torch.zeros(1)}
    torch.save(checkpoint, run / "last.ckpt")
    shutil.rmtree(run / "weights")

    with pytest.raises(InputError, match=r"last\.ckpt does not fit this run \(TypeError: \S+ is no weight"):
        CenterNet("nano", "cpu").train(resume=run, progress=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_in_the_place_of_a_checkpoint_is_not_waited_for(run: Path) -> None:
    (run / "last.ckpt").unlink()
    os.mkfifo(run / "last.ckpt")

    with pytest.raises(InputError, match=r"last\.ckpt is no plain file"):
        CenterNet("nano", "cpu").train(resume=run, progress=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"model: nano\ndata: 2020-13-45\n", "is not yaml"),
        (b"model: nano\ndata: \xe9\n", "is not yaml"),
        (b"model: nano\ndata: " + b"[" * 3000, "is not yaml"),
        (b"model: nano\ndata: x\n5: 1\n", "has the key 5, which is no name of a setting"),
        (b"model: nano\ndata: x\nlr: fast\n", "lr takes a value like"),
        (b"model: nano\ndata: x\nlr: 1e999\n", "lr takes a value like"),
        (b"model: nano\ndata: x\nfirst: 1\n", "unknown setting 'first'"),
        (b"model: nano\n", "has no model and data"),
    ],
)
def test_broken_settings_are_named_in_a_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "args.yaml"
    path.write_bytes(content)

    with pytest.raises(InputError, match=message) as caught:
        CenterNet("nano", "cpu").train(resume=tmp_path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_setting_that_is_given_wrongly_is_an_error_of_the_call(run: Path) -> None:
    with pytest.raises(UsageError, match="workers takes a value like"):
        CenterNet("nano", "cpu").train(resume=run, workers="many")
