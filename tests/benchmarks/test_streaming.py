"""Images and reports of the benchmark over many images."""

from pathlib import Path

from benchmarks.streaming import BROKEN_EVERY, DISTINCT_IMAGES, run, write_images

from centernet.io.sources import Failure, frames


def test_one_of_a_hundred_images_is_broken_in_one_of_four_ways(tmp_path: Path) -> None:
    broken = write_images(tmp_path / "images", 4 * BROKEN_EVERY)
    sizes = {path.stat().st_ino: path.stat().st_size for path in (tmp_path / "images").iterdir()}
    reasons = [item.reason for item in frames(tmp_path / "images") if isinstance(item, Failure)]

    assert broken == 4
    assert len(reasons) == 4
    assert len(sizes) == DISTINCT_IMAGES + 4


def test_a_run_counts_the_images_that_could_be_read(tmp_path: Path) -> None:
    write_images(tmp_path / "images", BROKEN_EVERY // 2 + 3)
    measured = run(str(tmp_path / "images"), imgsz=32, batch=8, workers=1)

    assert measured["images"] == BROKEN_EVERY // 2 + 2
    assert set(measured["peak_mb"]) == {"10", "52"}
