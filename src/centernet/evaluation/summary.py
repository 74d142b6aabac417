"""All that is made of the detections of a data set: numbers, plots, pictures and a file of results."""

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
    finder: Predictor,
    dataset: Dataset,
    stream: Iterable[Detections],
    folder: Path | None = None,
    results: Path | None = None,
) -> Evaluation:
    """The numbers of a data set, and what is written of them.

    Args:
        finder: What found the detections; its cells decide which objects meet.
        dataset: The truth.
        stream: Detections in its images; their pixels are not kept.
        folder: Where plots and pictures go, if anywhere.
        results: A file for the detections as COCO writes them, if any.
    """
    found = [replace(detections, image=None) for detections in stream]
    crowding = Crowding.of(dataset, finder.rule, finder.stride)
    evaluation = replace(evaluate(dataset, found), crowding=crowding)
    if results is not None:
        write_results(results, dataset, found)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        save_plots(evaluation, folder)
        save_examples(dataset, found, folder / "val_predictions.jpg")
    return evaluation
