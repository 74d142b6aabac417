"""Scores of results that another program wrote: files in, numbers out, no model needed."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from centernet.data.formats.coco.keypoints import read_skeletons
from centernet.data.formats.coco.problems import Problems
from centernet.errors import InputError, UsageError
from centernet.evaluation import coco_files, voc_files
from centernet.evaluation.evaluator import coco_rows
from centernet.evaluation.keypoints import KeypointNumbers, Tolerances
from centernet.evaluation.kitti_files import score_kitti
from centernet.evaluation.table import ClassRow, Scores
from centernet.metrics.coco import evaluate_coco
from centernet.metrics.oks import evaluate_oks
from centernet.metrics.voc import evaluate_voc


def score(
    format: str,  # noqa: A002  the word that users type
    ground_truth: Path | str,
    results: Path | str,
    split: str | None = None,
    frames: Path | str | None = None,
    protocol: str | Sequence[str] | None = None,
    points: int | Sequence[int] | None = None,
) -> Scores:
    """Compare results in files with the truth in files.

    Args:
        format: What the results are: `coco`, a json list of boxes, keypoints or both; `voc`, a folder of
            the development kit's `comp4_det_<set>_<class>.txt`; or `kitti`, a folder of a text file for each
            frame. Each gets the numbers of its own benchmark.
        ground_truth: A COCO json, a folder of VOC xml files, or the folder of a data set of any format; of KITTI the
            folder `label_2`.
        results: The json file, or the folder of text files.
        split: Which part of a data set folder is meant; None for the only one. Not of KITTI.
        frames: KITTI's list of frames, as in `ImageSets`; None for those that have a file of results.
        protocol: What must overlap how much, for KITTI: `strict` (by default), `original`, or both.
        points: Recalls that KITTI's AP is averaged over: 40 (by default), 11, or both.

    Raises:
        UsageError: There is no such format, or it has no use for an argument.
        InputError: A file is missing or broken; the message names the entry or line.
    """
    scorer = _SCORERS.get(format)
    if scorer is None:
        close = get_close_matches(format, _SCORERS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_SCORERS)}"
        raise UsageError(f"unknown format {format!r}: {hint}")
    options = {"split": split, "frames": frames, "protocol": protocol, "points": points}
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if (name == "split") == (format == "kitti"):
            known = "frames, protocol and points" if format == "kitti" else "split"
            raise UsageError(f"format={format} has no {name}: it takes {known}")
    return scorer(Path(ground_truth), Path(results), **given)


def _score_coco(ground_truth: Path, results: Path, split: str | None = None) -> Scores:
    """What the results hold is measured: boxes, keypoints, or both."""
    true = coco_files.read_ground_truth(ground_truth, split)
    found = coco_files.read_results(results, true, str(ground_truth))
    keypoints = KeypointNumbers()
    notes: tuple[str, ...] = ()
    if any("keypoints" in entry for entry in found):
        # The files of all objects in COCO's folders, read so far, know no keypoints.
        true = coco_files.read_ground_truth(ground_truth, split, with_keypoints=True)
        found = coco_files.read_results(results, true, str(ground_truth))
        keypoints, notes = _score_keypoints(ground_truth, true, results, found)
    boxes = evaluate_coco(true, found) if all("bbox" in entry for entry in found) else None
    rows = coco_rows(boxes) if boxes else _rows_of_keypoints(true, keypoints)
    return Scores(
        name=f"{results} against {ground_truth}: {len(true['images'])} images",
        metrics={**(boxes.to_dict() if boxes else {}), **keypoints.to_dict()},
        classes=keypoints.beside(rows, [category["id"] for category in true["categories"]]),
        notes=notes,
    )


def _score_keypoints(
    ground_truth: Path, true: dict[str, Any], results: Path, found: list[dict[str, Any]]
) -> tuple[KeypointNumbers, tuple[str, ...]]:
    """Numbers, and what to know about them."""
    problems = Problems(str(ground_truth))
    categories = {category["id"]: category for category in true["categories"]}
    skeletons = read_skeletons(categories, true["annotations"], problems)
    if not skeletons:
        raise InputError(
            f"{results} has keypoints, but {ground_truth} has none: its categories list no keypoints"
        )
    names = [category["name"] for category in categories.values()]
    tolerances = Tolerances.of(list(categories), names, skeletons)
    counts = {number: len(sigmas) for number, sigmas in tolerances.sigmas.items()}
    coco_files.check_keypoints(true["annotations"], counts, str(ground_truth), are_results=False)
    coco_files.check_keypoints(found, counts, str(results), are_results=True)
    numbers = KeypointNumbers(oks=evaluate_oks(true, found, tolerances.sigmas))
    # Lines and pairs that make no sense do not matter here.
    faults = [str(problem) for problem in problems.found if problem.kind == "sigmas"]
    return numbers, (*faults, *tolerances.notes)


def _rows_of_keypoints(true: dict[str, Any], keypoints: KeypointNumbers) -> tuple[ClassRow, ...]:
    """Counts of each category, where nothing has a box."""
    by_id = {one.category_id: one for one in (keypoints.oks.classes if keypoints.oks else ())}
    return tuple(
        {
            "name": category["name"],
            "objects": by_id[category["id"]].objects if category["id"] in by_id else 0,
            "found": by_id[category["id"]].detections if category["id"] in by_id else 0,
        }
        for category in true["categories"]
    )


def _score_voc(ground_truth: Path, results: Path, split: str | None = None) -> Scores:
    dataset = voc_files.read_ground_truth(ground_truth, split)
    found = voc_files.read_results(results, dataset)
    pairs = zip([record.annotations for record in dataset.records], found, strict=True)
    metrics = evaluate_voc(pairs, dataset.categories)
    return Scores(
        name=f"{results} against {ground_truth}: {len(dataset)} images, IoU 0.5",
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


_SCORERS: dict[str, Callable[..., Scores]] = {"coco": _score_coco, "voc": _score_voc, "kitti": score_kitti}
