"""Evaluation of result files in KITTI's format against its label files."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from centernet.data.formats.kitti.text_files import frames_in, read_frames, read_labels, read_results
from centernet.errors import InputError, UsageError
from centernet.evaluation.table import ClassRow, Scores
from centernet.metrics.kitti import METRICS, POINTS, PROTOCOLS, KittiMetrics, evaluate_kitti
from centernet.structures import KittiObjects


def score_kitti(
    ground_truth: Path,
    results: Path,
    frames: Path | str | None = None,
    protocol: str | Sequence[str] = "strict",
    points: int | Sequence[int] = 40,
) -> Scores:
    """KITTI's AP of each class at each difficulty.

    Args:
        ground_truth: The folder `label_2`, or one that contains it.
        results: A folder of files `<frame>.txt`, or one that contains them in `data`.
        frames: A file that lists the frames to evaluate; None: all frames with a result file.
        protocol: One or more of `metrics.kitti.PROTOCOLS`.
        points: One or more of `metrics.kitti.POINTS`: number of recalls to average over.

    Raises:
        UsageError: A protocol or a number of recalls is unknown.
        InputError: A file is missing or broken; the message names file and line.
    """
    names = [protocol] if isinstance(protocol, str) else list(dict.fromkeys(protocol))
    recalls = [points] if isinstance(points, int) else list(dict.fromkeys(points))
    for name in names:
        if name not in PROTOCOLS:
            close = get_close_matches(name, PROTOCOLS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(PROTOCOLS)}"
            raise UsageError(f"unknown protocol {name!r}: {hint}")
    for count in recalls:
        if count not in POINTS:
            raise UsageError(f"points={count} is not known: KITTI averages over 11 or 40 recalls")
    ground_truth_folder = _folder(ground_truth, "labels", ("label_2", "training/label_2"))
    results_folder = _folder(results, "results", ("data",))
    chosen = read_frames(Path(frames)) if frames is not None else _frames(ground_truth_folder, results_folder)
    labels = read_labels(ground_truth_folder, chosen)
    found = read_results(results_folder, chosen)
    metrics = [evaluate_kitti(labels, found, PROTOCOLS[name]) for name in names]
    return Scores(
        name=f"{results} against {ground_truth}: {len(chosen)} frames",
        metrics={
            f"{one.protocol.name}_{name}_R{count}": value
            for one in metrics
            for count in recalls
            for name, value in one.to_dict(count).items()
        },
        classes=tuple(row for one in metrics for row in _rows(one, recalls)),
        notes=_notes(ground_truth_folder, results_folder, chosen, found, frames is None),
        has_total=False,
    )


def _folder(path: Path, content: str, subfolders: Sequence[str]) -> Path:
    """The first of a folder and some of its subfolders that has text files."""
    for folder in (path, *(path / name for name in subfolders)):
        if frames_in(folder):
            return folder
    problem = "has no text files" if path.is_dir() else "is no folder"
    raise InputError(
        f"{path} {problem}: KITTI's {content} are a folder with a file for each frame, as 000123.txt"
    )


def _frames(ground_truth: Path, results: Path) -> tuple[str, ...]:
    """Names of the frames with a result file; each needs a label file."""
    names = frames_in(results)
    known = set(frames_in(ground_truth))
    for name in names:
        if name not in known:
            raise InputError(
                f"{results / name}.txt is of a frame without ground truth: {ground_truth} has no {name}.txt"
            )
    return names


def _rows(metrics: KittiMetrics, recalls: Sequence[int]) -> list[ClassRow]:
    return [
        {
            "name": one.name,
            "difficulty": one.difficulty,
            "protocol": metrics.protocol.name,
            "objects": one.objects,
            "found": one.detections,
            **{f"{metric}_R{count}": one.ap(metric, count) for count in recalls for metric in METRICS},
        }
        for one in metrics.classes
    ]


def _notes(
    ground_truth: Path, results: Path, frames: Sequence[str], found: KittiObjects, is_by_results: bool
) -> tuple[str, ...]:
    notes = ["2d: 2D boxes; aos: with heading; bev: bird's-eye view; KITTI prints these times 100"]
    left_out = len(frames_in(ground_truth)) - len(frames)
    if is_by_results and left_out:
        notes.append(f"{left_out} frames of {ground_truth} have no result file and are not scored")
    if not found.have_alpha.all():
        row = int(found.have_alpha.argmin())
        place = f"{results / frames[found.frame[row]]}.txt:{found.lines[row]}"
        notes.append(f"aos is not measured, as in KITTI's program: {place} has alpha -10, unknown")
    return tuple(notes)
