"""Evaluation of result files in KITTI's format: `score("kitti", ...)`."""

import json
from pathlib import Path

import pytest

from centernet.errors import InputError, UsageError
from centernet.evaluation import score

CAR = "Car 0 0 0.1 100 150 180 200 1.5 1.6 3.9 -6.2 1.7 14 -0.3"


def write(folder: Path, **frames: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in frames.items():
        (folder / f"{name.removeprefix('f')}.txt").write_text(text)
    return folder


def test_one_car_and_its_detection_reach_one_recall_of_11_and_none_of_40(tmp_path: Path) -> None:
    ground_truth, results = (
        write(tmp_path / "label_2", f0=CAR),
        write(tmp_path / "results", f0=f"{CAR} 0.9\n"),
    )
    scores = score("kitti", ground_truth, results, protocol=("strict", "original"), points=(11, 40))

    assert scores.metrics["strict_car_3d_easy_R11"] == pytest.approx(1 / 11)
    assert scores.metrics["original_car_aos_moderate_R11"] == pytest.approx(1 / 11)
    assert scores.metrics["strict_car_3d_easy_R40"] == 0
    assert {row["protocol"] for row in scores.classes} == {"strict", "original"}


def test_folders_may_be_those_of_the_whole_data_set(tmp_path: Path) -> None:
    write(tmp_path / "kitti/training/label_2", f0=CAR)
    write(tmp_path / "run/data", f0=f"{CAR} 0.9\n")

    assert score("kitti", tmp_path / "kitti", tmp_path / "run").metrics["strict_car_2d_easy_R40"] == 0


def test_only_listed_frames_are_scored_and_unscored_ones_are_named(tmp_path: Path) -> None:
    ground_truth = write(tmp_path / "label_2", f0=CAR, f1=CAR)
    results = write(tmp_path / "results", f0=f"{CAR} 0.9\n")
    (tmp_path / "val.txt").write_text("0\n1\n")

    assert "1 frames of" in "\n".join(score("kitti", ground_truth, results).notes)
    with pytest.raises(InputError, match=r"results/1\.txt is missing: every frame has a file"):
        score("kitti", ground_truth, results, frames=tmp_path / "val.txt")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (CAR, r"results/0\.txt:1 has 15 columns, not 16; the score is missing"),
        (f"{CAR.replace('1.5 1.6', '0 1.6')} 0.9", r"results/0\.txt:1: height is 0, not above 0"),
        (f"{CAR} nan", r"results/0\.txt:1: score is nan, not a finite number"),
        (f"{CAR} high", r"results/0\.txt:1: score is 'high', not a number"),
    ],
)
def test_broken_results_are_named_by_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    ground_truth, results = write(tmp_path / "label_2", f0=CAR), write(tmp_path / "results", f0=row)

    with pytest.raises(InputError, match=words):
        score("kitti", ground_truth, results)


def test_results_of_a_frame_without_ground_truth_are_named(tmp_path: Path) -> None:
    ground_truth, results = write(tmp_path / "label_2", f0=CAR), write(tmp_path / "results", f7=f"{CAR} 0.9")

    with pytest.raises(InputError, match=r"7\.txt is of a frame without ground truth"):
        score("kitti", ground_truth, results)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "strickt"}, "unknown protocol 'strickt': did you mean 'strict'"),
        ({"points": 41}, "points=41 is not known"),
        ({"split": "val"}, "format=kitti has no split: it takes frames, protocol, points"),
    ],
)
def test_an_unknown_option_is_named(tmp_path: Path, options: dict[str, object], words: str) -> None:
    ground_truth, results = write(tmp_path / "label_2", f0=CAR), write(tmp_path / "results", f0=f"{CAR} 0.9")

    with pytest.raises(UsageError, match=words):
        score("kitti", ground_truth, results, **options)  # type: ignore[arg-type]


def test_published_results_score_from_their_files_as_by_the_programs_of_kitti(real_data: Path) -> None:
    folder = real_data / "eval_fixtures" / "kitti_small200"
    options = {"protocol": ("original", "strict"), "points": (11, 40)}
    scores = score("kitti", folder / "label_2", folder / "results", **options)
    original = json.loads((folder / "expected_R11_iou0.5_0.25_0.25.json").read_text())
    strict = json.loads((folder / "expected_strict_iou0.7_0.5_0.5.json").read_text())
    tables = {("original", 11): original, ("strict", 11): strict["R11"], ("strict", 40): strict["R40"]}
    count = 0
    for (protocol, points), table in tables.items():
        for name, metrics in table.items():
            for metric, values in metrics.items():
                for difficulty, value in zip(("easy", "moderate", "hard"), values, strict=True):
                    key = f"{protocol}_{name}_{metric}_{difficulty}_R{points}"
                    assert 100 * scores.metrics[key] == pytest.approx(value, abs=1e-4), key
                    count += 1
    assert count == 3 * 3 * 4 * 3
