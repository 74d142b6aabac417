"""Summary of the detections of a data set: metrics, plots, example images and a file of results."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from centernet.data.doctor.crowding import Crowding
from centernet.detections import Detections
from centernet.evaluation.coco_files import write_results
from centernet.evaluation.evaluator import Evaluation, evaluate
from centernet.evaluation.examples import save_examples
from centernet.evaluation.plots import save_plots
from centernet.inference.stream import Predictor
from centernet.structures import Dataset


def summarize(
    predictor: Predictor,
    dataset: Dataset,
    stream: Iterable[Detections],
    folder: Path | None = None,
    results: Path | None = None,
) -> Evaluation:
    """Evaluate the detections of a data set, and write plots, example images and results.

    Args:
        predictor: Maker of the detections; centre collisions are counted in the cells of its maps.
        dataset: Images with ground truth.
        stream: Detections in the images; pixels are not kept.
        folder: Folder for plots and example images; None writes none.
        results: COCO results file to write; None writes none.

    Raises:
        UsageError: The detections do not fit the data set, see `evaluate`.
        InputError: A file cannot be written.
    """
    found = [replace(detections, image=None) for detections in stream]
    crowding = Crowding.of(dataset, predictor.rule, predictor.stride)
    evaluation = replace(evaluate(dataset, found), crowding=crowding)
    if results is not None:
        write_results(results, dataset, found)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        save_plots(evaluation, folder)
        save_examples(dataset, found, folder / "val_predictions.jpg")
    return evaluation
