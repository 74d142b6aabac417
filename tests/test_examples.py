"""Every script in `examples/` runs, on few and small images."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from centernet.data import open_dataset
from centernet.data.synthetic import write_scenes
from centernet.evaluation import score
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: Any, **settings: Any) -> Any:
    """Calls the `main` of an example."""
    return runpy.run_path(str(EXAMPLES / name))["main"](*arguments, **settings)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A weights folder of an untrained network, which detects something everywhere."""
    from centernet.training.build import build_predictor
    from centernet.weights import files as weights

    predictor = build_predictor(Recipe(imgsz=64, top_k=5), Categories.of("circle", "square", "triangle"))
    return str(weights.save(predictor, tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"), train=3, val=2, size=64, format="voc")


def test_every_example_is_run_by_a_test_here() -> None:
    tests = Path(__file__).read_text()
    # This one is tested where torch cannot be imported, with the file it needs.
    elsewhere = {"onnx_without_torch.py"}
    names = {path.name for path in EXAMPLES.glob("*.py")}

    assert {name for name in names if f'run("{name}"' not in tests} == elsewhere


def test_training_on_scenes_evaluates_the_detector(tmp_path: Path) -> None:
    ap50 = run("train_on_scenes.py", tmp_path, images=5, epochs=1)

    assert 0 <= ap50 <= 1
    assert (tmp_path / "train" / "val_predictions.jpg").is_file()


def test_predicting_writes_an_image_and_a_table_for_each_image(
    weights: str, scenes: Path, tmp_path: Path
) -> None:
    written = run("predict_and_draw.py", weights, str(scenes / "JPEGImages"), tmp_path, conf=0.0)

    assert len(written) == 10
    assert all(path.stat().st_size for path in written)


def test_another_program_that_misses_every_fifth_object_scores_so(tmp_path: Path) -> None:
    ap50 = run("score_another_program.py", tmp_path, images=30)

    assert 0.7 < ap50 < 1


def test_a_converted_data_set_has_the_boxes_it_had(scenes: Path, tmp_path: Path) -> None:
    run("convert_dataset.py", scenes, tmp_path / "yolo")
    before, after = open_dataset(scenes, "train"), open_dataset(tmp_path / "yolo", "train")

    assert after.format == "yolo"
    for old, new in zip(before.records, after.records, strict=True):
        assert new.annotations.boxes == pytest.approx(old.annotations.boxes, abs=1e-3)


def test_exported_results_are_scored_by_the_ids_of_the_data_set(
    weights: str, scenes: Path, tmp_path: Path
) -> None:
    results, table = run("export_results.py", weights, str(scenes), tmp_path)

    written = json.loads(results.read_text())
    assert written
    assert {one["image_id"] for one in written} <= {1, 2}
    assert len(table.read_text().splitlines()) == len(written) + 1
    assert score("coco", scenes, results, split="val").metrics["AP"] >= 0


def test_a_network_with_a_backbone_from_outside_learns() -> None:
    losses = run("own_backbone.py", steps=30, batch_size=4)

    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
