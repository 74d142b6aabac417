"""Drawings that explain detections."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from centernet.cli import main
from centernet.drawing import Reasons, class_color, draw_explanation
from centernet.recipes.recipe import Recipe
from centernet.structures import Categories, Skeleton
from centernet.training.build import build_predictor
from centernet.weights.files import save


def reasons(**changes: np.ndarray) -> Reasons:
    empty = {
        "boxes": np.zeros((0, 4)),
        "labels": np.zeros(0, dtype=np.int64),
        "keypoints": np.zeros((0, 0, 3)),
        "rejected": np.zeros((0, 4)),
        "regions": np.zeros((0, 4)),
        "centers": np.zeros((0, 2)),
        "center_labels": np.zeros(0, dtype=np.int64),
    }
    return Reasons(**{**empty, **changes})


IMAGE = np.zeros((64, 64, 3), np.uint8)
ONE = {"boxes": np.array([[8.0, 8, 40, 40]]), "labels": np.array([0]), "keypoints": np.zeros((1, 0, 3))}


def has_color(sheet: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((sheet == color).all(axis=2).any())


def test_kept_pairs_have_the_colour_of_their_class_and_rejected_ones_are_grey() -> None:
    kept = draw_explanation(IMAGE, {}, reasons(**ONE, regions=np.array([[16.0, 16, 32, 32]])))
    rejected = draw_explanation(IMAGE, {}, reasons(rejected=np.array([[8.0, 8, 40, 40]])))

    assert has_color(kept, class_color(0))
    assert not has_color(rejected, class_color(0))
    assert has_color(rejected, (150, 150, 150))


def test_every_heatmap_is_drawn() -> None:
    heat = np.zeros((1, 16, 16), np.float32)
    one = draw_explanation(IMAGE, {"heatmap": heat}, reasons())
    three = draw_explanation(IMAGE, dict.fromkeys(("a", "b", "c"), heat), reasons())

    assert three.shape[0] > 1.9 * one.shape[0]


@pytest.mark.parametrize("task", ["triplet", "detect", "pose"])
def test_predict_explains_itself_for_every_task(task: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = Recipe(
        task=task, backbone="timm/resnet10t", channels=8, head_channels=8, pool_channels=4, imgsz=64
    )
    skeletons = (Skeleton(names=("head", "tail")),) if task == "pose" else ()
    predictor = build_predictor(recipe, Categories(("thing",), (1,), skeletons))
    save(predictor, tmp_path / "weights")
    Image.fromarray(np.full((50, 60, 3), 90, np.uint8)).save(tmp_path / "a.png")
    given = [f"model={tmp_path}/weights", f"source={tmp_path}/a.png", "conf=0", "device=cpu", "save=false"]

    assert main(["predict", *given, "explain=true", f"project={tmp_path}", "name=out"]) == 0
    (path,) = (tmp_path / "out" / "explained").iterdir()
    assert path.name == "a-1.png"
    with Image.open(path) as image:
        assert min(image.size) > 600
