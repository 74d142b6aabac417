"""The whole job in a few minutes, on pictures it draws itself: generate, train, measure, look."""

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
    """Generates scenes, trains the recipe `demo` on them and measures it on scenes it has not seen.

    Args:
        folder: Scenes, run folder and pictures go there; must not exist yet, or be empty.
        train: Images to learn from.
        val: Held-out images.
        seed: Of the scenes and of the training.
        say: Takes lines that tell what happens.
        settings: What differs from the recipe: `epochs=2`.

    Returns:
        How well the held-out objects are found.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds something already: remove it, or choose another folder")
    say(f"drawing {train} scenes to learn from and {val} to be tested on")
    scenes = write_scenes(folder / "scenes", train=train, val=val, seed=seed)
    say("training from scratch")
    model = CenterNet("demo")
    evaluation = model.train(scenes, seed=seed, project=str(folder), name="train", **settings)
    assert evaluation is not None, "the scenes have validation images"
    say(f"pictures of what was found beside the truth: {model.run_folder}/val_predictions.jpg")
    say(f"use the weights: centernet predict model={model.run_folder} source={scenes / 'val'}")
    return evaluation
