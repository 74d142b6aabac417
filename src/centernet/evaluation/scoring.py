"""Scores of results that another program wrote: files in, numbers out, no model needed."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from centernet.errors import UsageError
from centernet.evaluation import coco_files, voc_files
from centernet.evaluation.evaluation import coco_rows
from centernet.evaluation.scores import Scores
from centernet.metrics.coco import evaluate_coco
from centernet.metrics.voc import evaluate_voc


def score(
    format: str,  # noqa: A002  the word that users type
    truth: Path | str,
    results: Path | str,
    split: str | None = None,
) -> Scores:
    """Compare results in files with the truth in files.

    Args:
        format: What the results are: `coco`, a json list, or `voc`, a folder of the development kit's
            `comp4_det_<set>_<class>.txt`. Each gets the numbers of its own benchmark.
        truth: A COCO json, a folder of VOC xml files, or the folder of a data set of any format.
        results: The json file, or the folder of text files.
        split: Which part of a data set folder is meant; None for the only one.

    Raises:
        UsageError: There is no such format.
        InputError: A file is missing or broken; the message names the entry or line.
    """
    scorer = _SCORERS.get(format)
    if scorer is None:
        close = get_close_matches(format, _SCORERS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_SCORERS)}"
        raise UsageError(f"unknown format {format!r}: {hint}")
    return scorer(Path(truth), Path(results), split)


def _score_coco(truth: Path, results: Path, split: str | None) -> Scores:
    true = coco_files.read_truth(truth, split)
    metrics = evaluate_coco(true, coco_files.read_results(results, true, str(truth)))
    return Scores(
        name=f"{results} against {truth}: {len(true['images'])} images",
        metrics=metrics.to_dict(),
        classes=coco_rows(metrics),
    )


def _score_voc(truth: Path, results: Path, split: str | None) -> Scores:
    dataset = voc_files.read_truth(truth, split)
    found = voc_files.read_results(results, dataset)
    pairs = zip([record.annotations for record in dataset.records], found, strict=True)
    metrics = evaluate_voc(pairs, dataset.categories)
    return Scores(
        name=f"{results} against {truth}: {len(dataset)} images, IoU 0.5",
        metrics=metrics.to_dict(),
        classes=tuple(
            {
                "name": one.name,
                "objects": one.objects,
                "found": one.detections,
                "VOC_AP_area": one.ap_area,
                "VOC_AP_11point": one.ap_11point,
            }
            for one in metrics.classes
        ),
    )


_SCORERS: dict[str, Callable[[Path, Path, str | None], Scores]] = {"coco": _score_coco, "voc": _score_voc}
