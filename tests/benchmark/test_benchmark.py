"""All variants of a detector side by side."""

import csv
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from centernet.benchmark import VARIANTS, BenchmarkReport, BenchmarkRow, benchmark
from centernet.cli import main
from centernet.data.formats.catalog import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.errors import InputError, UsageError
from centernet.recipes.presets import RECIPES
from centernet.recipes.recipe import with_settings
from centernet.training.build import build_predictor
from centernet.weights.files import save


def row(name: str, processor_ms: float, ap: float) -> BenchmarkRow:
    return BenchmarkRow(
        name=name,
        p50_ms=processor_ms,
        p95_ms=2 * processor_ms,
        processor_ms=processor_ms,
        images_per_s=10.0,
        memory_mb=300.0,
        file_mb=20.0,
        ap=ap,
    )


def test_rows_are_compared_with_the_first(tmp_path: Path) -> None:
    table = BenchmarkReport(
        rows=(row("weights", 60.0, 0.57), row("onnx", 40.0, 0.55)), threads=1, batch=8, num_images=20
    )
    csv_path, plot = table.save(tmp_path / "new" / "folder")
    rows = list(csv.DictReader(csv_path.read_text().splitlines()))

    assert [row["name"] for row in rows] == ["weights", "onnx"]
    assert float(rows[1]["speedup"]) == 1.5
    assert float(rows[1]["ap_difference"]) == pytest.approx(-0.02)
    with Image.open(plot) as image:
        assert image.width > 500
    assert "onnx       40.0    80.0    40.0  1.50" in str(table)
    assert json.loads(json.dumps(table.to_json(), allow_nan=False))["lines"][0]["speedup"] == 1


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", train=1, val=3, size=64, seed=0)


@pytest.fixture(scope="module")
def weights(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = with_settings(RECIPES["demo"](), backbone="slim", imgsz=64, channels=16, head_channels=16)
    predictor = build_predictor(recipe, open_dataset(scenes, "val").categories)
    return save(predictor, tmp_path_factory.mktemp("weights") / "w")


def test_weights_and_a_file_take_turns(
    weights: Path, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"model={weights}", f"data={scenes}", f"project={tmp_path}", "formats=weights,onnx", "images=2"]
    code = main(["benchmark", *words, "batch=2", "--json"])
    document = json.loads(capsys.readouterr().out)

    assert code == 0
    assert document["num_images"] == document["batch"] == 2
    lines = {row["name"]: row for row in document["lines"]}
    assert list(lines) == ["weights", "onnx"]
    for values in lines.values():
        assert 0 < values["p50_ms"] <= values["p95_ms"]
        assert values["images_per_s"] > 0
        assert values["file_mb"] > 1
    # The exported file runs in a process that never imports torch.
    assert lines["onnx"]["memory_mb"] < lines["weights"]["memory_mb"]
    assert lines["onnx"]["ap"] == pytest.approx(lines["weights"]["ap"], abs=1e-3)
    assert {path.name for path in (tmp_path / "benchmark").iterdir()} == {"benchmark.csv", "benchmark.png"}


def test_a_variant_that_cannot_run_is_named_and_left_out(
    scenes: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    lines: list[str] = []
    with pytest.raises(InputError, match="runs in none of these variants: onnx"):
        benchmark(weights, scenes, formats=("onnx",), say=lines.append)

    assert any(one.startswith("onnx is left out: export needs onnx") for one in lines)


def test_impossible_arguments_are_named(scenes: Path) -> None:
    with pytest.raises(UsageError, match=r"formats are some of weights, .*; got 'tflite'"):
        benchmark("blood-cells", scenes, formats=("tflite",))
    with pytest.raises(UsageError, match="threads must be at least 1; got 0"):
        benchmark("blood-cells", scenes, threads=0)
    assert next(iter(VARIANTS)) == "weights"
