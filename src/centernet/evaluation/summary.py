"""Summary of the detections of a data set: metrics, plots, example images and a file of results."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from centernet.data.doctor.crowding import Crowding
from centernet.detections import Detections
from centernet.evaluation.class_matching import comparable, labels_in
from centernet.evaluation.coco_files import write_results
from centernet.evaluation.evaluator import Evaluation, evaluate
from centernet.evaluation.examples import save_examples
from centernet.evaluation.limits import COCO_COUNTS, COCO_POSES, counts_of, image_notes
from centernet.evaluation.plots import save_plots
from centernet.inference.confidence import Confidence, min_scores
from centernet.inference.stream import Predictor
from centernet.structures import Dataset


def summarize(
    predictor: Predictor,
    dataset: Dataset,
    stream: Iterable[Detections],
    folder: Path | None = None,
    results: Path | None = None,
    *,
    conf: Confidence = None,
    max_det: int | None = None,
    note: str = "",
) -> Evaluation:
    """Evaluate the detections of a data set, and write plots, example images and results.

    Args:
        predictor: Maker of the detections; centre collisions are counted in the cells of its maps.
        dataset: Images with ground truth.
        stream: Detections in the images; pixels are not kept.
        folder: Folder for plots and example images; None writes none.
        results: COCO results file to write; None writes none.
        conf: Scores from which detections count in precision, recall, the confusion matrix and the images;
            None for those of the weights.
        max_det: Number of detections of an image that were asked for: so many of a class count, and never
            fewer than COCO's; None for COCO's.
        note: Which weights these are, for the titles of the table and of the pictures: `epoch 12`.

    Raises:
        UsageError: The detections do not fit the data set, see `evaluate`; or `conf` is no score.
        InputError: A file cannot be written, or the data set has none of the classes of the weights.
    """
    scores = min_scores(conf, predictor.categories, predictor.thresholds)
    dataset, notes = comparable(dataset, predictor.categories)
    found = [replace(detections, image=None) for detections in stream]
    crowding = Crowding.of(dataset, predictor.rule, predictor.stride)
    of_dataset = scores[labels_in(predictor.categories, dataset.categories)]
    asked = max_det or 0
    counts = counts_of(max(asked, COCO_COUNTS[-1]))
    evaluation = evaluate(dataset, found, counts, max(asked, COCO_POSES), of_dataset)
    limits = image_notes(dataset, max_det or predictor.max_detections)
    evaluation = replace(evaluation, crowding=crowding, notes=(*notes, *limits, *evaluation.notes))
    if note:
        evaluation = replace(evaluation, name=f"{evaluation.name}, {note}")
    if results is not None:
        write_results(results, dataset, found)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        save_plots(evaluation, folder)
        save_examples(dataset, found, folder / "val_predictions.jpg", scores, note)
    return evaluation
