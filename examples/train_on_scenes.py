"""Generate a data set, train a detector on it from scratch, and evaluate it.

    python examples/train_on_scenes.py

Takes about a minute on two CPU cores; more `images` and `epochs` give better scores.
"""

from pathlib import Path

from centernet import CenterNet
from centernet.data.synthetic import write_scenes


def main(folder: Path, *, images: int = 400, epochs: int = 10) -> float:
    scenes = write_scenes(folder / "scenes", train=images, val=images // 5, size=96)
    model = CenterNet("small")
    evaluation = model.train(
        scenes, epochs=epochs, imgsz=96, lr=2e-3, ema=0.99, color=0, workers=0, project=str(folder)
    )
    assert evaluation is not None, "there are validation images"
    print(evaluation)
    print(f"predictions beside the ground truth: {model.run_folder}/val_predictions.jpg")
    return evaluation.metrics["AP50"]


if __name__ == "__main__":
    main(Path("runs/example-train"))
