"""Evaluation of result files of any program against ground-truth files; no model is needed."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from centernet.data.formats.coco.defect_log import DefectLog
from centernet.data.formats.coco.keypoints import read_skeletons
from centernet.errors import InputError, UsageError
from centernet.evaluation import coco_files, voc_files
from centernet.evaluation.evaluator import coco_rows
from centernet.evaluation.keypoints import KeypointMetrics, KeypointSigmas
from centernet.evaluation.kitti_files import score_kitti
from centernet.evaluation.limits import COCO_POSES, class_notes, counts_of, pose_notes
from centernet.evaluation.table import ClassRow, Scores
from centernet.io.guest import guest
from centernet.io.paths import expanded
from centernet.metrics.coco import evaluate_coco
from centernet.metrics.oks import evaluate_oks
from centernet.metrics.voc import evaluate_voc

_Given = ParamSpec("_Given")


def _accepts_truth(function: Callable[_Given, Scores]) -> Callable[_Given, Scores]:
    """The same function, which accepts `truth=` too, the earlier name of `ground_truth=`."""

    @wraps(function)
    def call(*values: _Given.args, **settings: _Given.kwargs) -> Scores:
        if "truth" in settings:
            settings["ground_truth"] = settings.pop("truth")
        return function(*values, **settings)

    return call


@guest
@_accepts_truth
def score(
    format: str,  # noqa: A002  the word that users type
    ground_truth: Path | str,
    results: Path | str,
    split: str | None = None,
    frames: Path | str | None = None,
    protocol: str | Sequence[str] | None = None,
    points: int | Sequence[int] | None = None,
    max_det: int | None = None,
) -> Scores:
    """Evaluate result files against ground-truth files.

    Args:
        format: Format of the results: `coco`, a json list of boxes, keypoints or both; `voc`, a folder of the
            development kit's `comp4_det_<set>_<class>.txt`; or `kitti`, a folder of a text file for each
            frame. Each gets the metrics of its own benchmark.
        ground_truth: A COCO json file, a folder of VOC xml files, or the folder of a data set of any format;
            for `kitti` the folder `label_2`. `truth=` is an alias.
        results: The json file, or the folder of text files.
        split: Split of a data set folder; None: the only one. Not for `kitti`.
        frames: KITTI's list of frames, as in `ImageSets`; None: all frames with a result file.
        protocol: IoU thresholds of KITTI: `strict` (default), `original`, or both.
        points: Number of recalls that KITTI's AP is averaged over: 40 (default), 11, or both.
        max_det: For `coco`: number of best detections of a class in an image that AP counts; None for COCO's
            100, and 20 for keypoints.

    Raises:
        UsageError: The format is unknown, or does not take an argument.
        InputError: A file is missing or broken; the message names the entry or line.
    """
    scorer = _SCORERS.get(format)
    if scorer is None:
        close = get_close_matches(format, _SCORERS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_SCORERS)}"
        raise UsageError(f"unknown format {format!r}: {hint}")
    options = {
        "split": split,
        "frames": frames,
        "protocol": protocol,
        "points": points,
        "max_det": max_det,
    }
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in _OPTIONS[format]:
            raise UsageError(f"format={format} has no {name}: it takes {', '.join(_OPTIONS[format])}")
    if max_det is not None and max_det < 1:
        raise UsageError(f"max_det must be at least 1; got {max_det}")
    return scorer(expanded(ground_truth), expanded(results), **given)


def _score_coco(
    ground_truth: Path, results: Path, split: str | None = None, max_det: int | None = None
) -> Scores:
    """COCO's metrics of boxes, keypoints, or both, as the results have them."""
    content = coco_files.read_ground_truth(ground_truth, split)
    found, notes = coco_files.read_results(results, content, str(ground_truth))
    keypoints = KeypointMetrics()
    if any("keypoints" in entry for entry in found):
        # The files of all objects in COCO's folders, read so far, have no keypoints.
        content = coco_files.read_ground_truth(ground_truth, split, with_keypoints=True)
        found, notes = coco_files.read_results(results, content, str(ground_truth))
        limit = COCO_POSES if max_det is None else max_det
        keypoints, more = _score_keypoints(ground_truth, content, results, found, limit)
        notes = (*notes, *more)
    boxes = None
    if all("bbox" in entry for entry in found):
        counts = counts_of(max_det)
        boxes = evaluate_coco(content, found, counts)
        notes = (*notes, *class_notes(content, counts[-1]))
    rows = coco_rows(boxes) if boxes else _keypoint_rows(content, keypoints)
    return Scores(
        name=f"{results} against {ground_truth}: {len(content['images'])} images",
        metrics={**(boxes.to_dict() if boxes else {}), **keypoints.to_dict()},
        classes=keypoints.add_columns(rows, [category["id"] for category in content["categories"]]),
        notes=notes,
    )


def _score_keypoints(
    ground_truth: Path, content: dict[str, Any], results: Path, found: list[dict[str, Any]], limit: int
) -> tuple[KeypointMetrics, tuple[str, ...]]:
    """Metrics of keypoints, and remarks on them."""
    log = DefectLog(str(ground_truth))
    categories = {category["id"]: category for category in content["categories"]}
    skeletons = read_skeletons(categories, content["annotations"], log)
    if not skeletons:
        raise InputError(
            f"{results} has keypoints, but {ground_truth} has none: its categories list no keypoints"
        )
    names = [category["name"] for category in categories.values()]
    sigmas = KeypointSigmas.of(list(categories), names, skeletons)
    counts = {number: len(values) for number, values in sigmas.by_category.items()}
    coco_files.check_keypoints(content["annotations"], counts, str(ground_truth), are_results=False)
    coco_files.check_keypoints(found, counts, str(results), are_results=True)
    metrics = KeypointMetrics(oks=evaluate_oks(content, found, sigmas.by_category, limit))
    # Broken edges and left-right pairs of skeletons do not matter here.
    faults = [str(problem) for problem in log.found if problem.kind == "sigmas"]
    return metrics, (*faults, *sigmas.notes, *pose_notes(content, limit))


def _keypoint_rows(content: dict[str, Any], keypoints: KeypointMetrics) -> tuple[ClassRow, ...]:
    """Rows with the counts of each category, for results without boxes."""
    by_id = {one.category_id: one for one in (keypoints.oks.classes if keypoints.oks else ())}
    return tuple(
        {
            "name": category["name"],
            "objects": by_id[category["id"]].objects if category["id"] in by_id else 0,
            "found": by_id[category["id"]].detections if category["id"] in by_id else 0,
        }
        for category in content["categories"]
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


_OPTIONS = {"coco": ("split", "max_det"), "voc": ("split",), "kitti": ("frames", "protocol", "points")}
"""What each format takes."""

_SCORERS: dict[str, Callable[..., Scores]] = {"coco": _score_coco, "voc": _score_voc, "kitti": score_kitti}
