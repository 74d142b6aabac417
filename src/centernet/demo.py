"""A demonstration in a few minutes: generate images, train on them, evaluate, and plot predictions."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from centernet.data.synthetic import write_scenes
from centernet.detector import CenterNet
from centernet.errors import UsageError

if TYPE_CHECKING:
    from centernet.evaluation import Evaluation


def run_demo(
    folder: str | Path = "runs/demo",
    *,
    train: int = 1000,
    val: int = 200,
    seed: int = 0,
    say: Callable[[str], None] = print,
    **settings: Any,
) -> "Evaluation":
    """Generates scenes, trains the recipe `demo` on them and evaluates it on held-out scenes.

    Args:
        folder: Folder of scenes and run folder; must not exist yet, or be empty.
        train: Number of training images.
        val: Number of held-out images.
        seed: Seed of the scenes and of the training.
        say: Receives lines about the progress.
        settings: Settings that differ from the recipe: `epochs=2`.

    Returns:
        Metrics on the held-out images.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: remove it, or choose another folder")
    say(f"generating {train} training scenes and {val} held-out scenes")
    scenes = write_scenes(folder / "scenes", train=train, val=val, seed=seed)
    say("training from scratch")
    model = CenterNet("demo")
    evaluation = model.train(scenes, seed=seed, project=str(folder), name="train", **settings)
    assert evaluation is not None, "the scenes have validation images"
    say(f"predictions beside the ground truth: {model.run_folder}/val_predictions.jpg")
    say(f"use the weights: centernet predict model={model.run_folder} source={scenes / 'val'}")
    return evaluation
