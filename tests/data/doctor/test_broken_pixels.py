"""JPEGs that decoders read in spite of broken pixels are found."""

from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from centernet.data.doctor.broken_pixels import broken_images
from centernet.io.images import read_image
from centernet.structures import Annotations, ImageRecord


def record(path: Path, data: bytes) -> ImageRecord:
    path.write_bytes(data)
    return ImageRecord(path=path, image_id=1, annotations=Annotations.none(), source="")


def photo() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 2))[1].tobytes()


@pytest.mark.parametrize("harm", ["noise", "cut", "end"])
def test_jpegs_broken_amid_their_pixels_are_told_and_the_others_are_not(tmp_path: Path, harm: str) -> None:
    good = photo()
    half = len(good) // 2
    noise = np.random.default_rng(1).integers(0, 255, 200, dtype=np.uint8).tobytes()
    middle = {"noise": noise, "cut": b"", "end": b"\xff\xd9"}[harm]
    records = [
        record(tmp_path / "whole.jpg", good),
        record(tmp_path / "broken \u00fc.jpg", good[:half] + middle + good[half + 200 :]),
        record(tmp_path / "also whole.JPEG", good),
    ]

    assert read_image(records[1].path).shape == (120, 160, 3)
    (defect,) = broken_images(records)
    assert defect.where == str(records[1].path)
    assert defect.message.startswith("its pixels are broken (")


def test_without_images_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)

    assert broken_images([]) == []


@pytest.mark.parametrize("refusal", [OSError("no more processes"), None])
def test_images_are_decoded_here_where_no_process_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: OSError | None
) -> None:
    records = [record(tmp_path / "a.jpg", photo()), record(tmp_path / "b.png", b"\x89PNG")]
    if refusal is None:
        monkeypatch.setattr("sys.executable", "true")  # A program that ends at once.
    else:
        monkeypatch.setattr("subprocess.Popen", Mock(side_effect=refusal))

    (defect,) = broken_images(records)
    assert (defect.kind, defect.where) == ("corrupt image", str(records[1].path))
