"""Pages, bands and grey levels of TIFF files: read as they are meant, or named."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.errors import InputError
from centernet.io.images import decode_image, inspect_image, read_image, unread_parts
from centernet.io.tiff_tags import read_tags


def tiff(pixels: np.ndarray, photometric: int = 1, sample_format: int = 1, *more: tuple[int, int]) -> bytes:
    """A TIFF of one uncompressed strip; photometric 0: white is zero, sample format 2: signed, 3: floats."""
    rows, columns, bands = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    values = {
        256: columns,
        257: rows,
        259: 1,
        262: photometric,
        273: 8,
        277: bands,
        278: rows,
        279: pixels.nbytes,
    }
    values |= {258: pixels.dtype.itemsize * 8, 339: sample_format, **dict(more)}
    directory = 8 + pixels.nbytes
    behind = directory + 2 + 12 * len(values) + 4
    entries, tail = b"", b""
    for tag, value in sorted(values.items()):
        if tag in (258, 339) and bands > 2:
            entries += struct.pack("<HHII", tag, 3, bands, behind + len(tail))
            tail += struct.pack(f"<{bands}H", *[value] * bands)
        elif tag in (258, 339) and bands == 2:
            entries += struct.pack("<HHIHH", tag, 3, 2, value, value)
        else:
            entries += struct.pack("<HHII", tag, 4, 1, value)
    start = b"II*\0" + struct.pack("<I", directory) + pixels.tobytes()
    return start + struct.pack("<H", len(values)) + entries + struct.pack("<I", 0) + tail


def flat(value: float, dtype: type, *bands: int) -> np.ndarray:
    return np.full((4, 6, *bands), value, dtype=dtype)


@pytest.mark.parametrize(
    ("data", "grey"),
    [
        (tiff(flat(200, np.uint8)), 200),
        (tiff(flat(200, np.uint8), 0), 55),
        (tiff(flat(200 * 257, np.uint16)), 200),
        (tiff(flat(200 * 257, np.uint16), 0), 55),
        (tiff(flat(100 * 257, np.int16), 1, 2), 100),
        (tiff(flat(100, np.int8), 1, 2), 100),
    ],
    ids=["8", "8 white", "16", "16 white", "16 signed", "8 signed"],
)
def test_grey_levels_are_those_that_a_viewer_shows(data: bytes, grey: int) -> None:
    assert decode_image(data)[1, 1].tolist() == [grey, grey, grey]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(flat(-1000, np.int16), 1, 2), "pixels below 0, the least is -1000: scale them"),
        (tiff(flat(-3, np.int8), 1, 2), "pixels below 0, the least is -3"),
        (tiff(flat(5, np.int16), 0, 2), "16-bit numbers with a sign: scale them"),
        (tiff(flat(0.5, np.float32), 1, 3), "floats as pixels have no known range: scale them to 0 to 255"),
        (tiff(flat(0.5, np.float64), 1, 3), "64-bit floats: scale them to 0 to 255"),
        (tiff(flat(70000, np.uint32)), "32-bit pixels have no known range"),
        (tiff(flat(1, np.uint8, 4)), "4 bands of 8-bit numbers: save three of them"),
        (tiff(flat(1, np.uint8, 8)), "8 bands of 8-bit numbers: save three of them"),
        (tiff(flat(1, np.uint16, 8), 1, 1, (338, 0)), "8 bands of 16-bit numbers"),
        (tiff(flat(0.5, np.float32, 3), 2, 3), "3 bands of 32-bit floats"),
    ],
)
def test_pixels_that_cannot_be_shown_are_refused_with_what_to_do(
    tmp_path: Path, data: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tif").write_bytes(data)

    with pytest.raises(InputError, match=words):
        read_image(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_a_fourth_band_that_is_no_transparency_is_told(tmp_path: Path) -> None:
    (tmp_path / "nir.tif").write_bytes(tiff(flat(9, np.uint8, 4), 2, 1, (338, 0)))
    (tmp_path / "alpha.tif").write_bytes(tiff(flat(9, np.uint8, 4), 2, 1, (338, 2)))

    assert unread_parts(tmp_path / "nir.tif") == "it has 4 bands, and the first three are taken"
    assert unread_parts(tmp_path / "alpha.tif") == ""
    assert read_image(tmp_path / "nir.tif").shape == (4, 6, 3)


@pytest.mark.parametrize("big", [False, True])
def test_further_pages_are_counted(tmp_path: Path, big: bool) -> None:
    pages = [Image.new("RGB", (9, 7), (level, 0, 0)) for level in (200, 100, 50)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], big_tiff=big)

    assert inspect_image(tmp_path / "a.tif").unread == "it has 3 pages, and the first is taken"
    assert read_image(tmp_path / "a.tif")[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_further_frames_are_told(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (32, 32), (level, level, 0)) for level in (200, 100)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])

    assert inspect_image(tmp_path / f"a.{suffix}").unread == "it has several frames, and the first is taken"


def test_pages_in_a_circle_are_counted_once() -> None:
    data = bytearray(tiff(flat(1, np.uint8)))
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    struct.pack_into("<I", data, directory + 2 + 12 * count, directory)

    tags = read_tags(io.BytesIO(bytes(data)))

    assert tags is not None
    assert tags.pages == 1


def test_no_more_than_200_000_entries_of_pages_are_read() -> None:
    # Each of 150 000 pages has one entry, its type.
    pages = (struct.pack("<HHHIII", 1, 254, 4, 1, 0, 8 + 18 * number) for number in range(1, 150_001))
    data = b"II*\0" + struct.pack("<I", 8) + b"".join(pages)

    tags = read_tags(io.BytesIO(data))

    assert tags is not None
    assert tags.pages == 100_000


def test_broken_directories_are_left_to_pillow() -> None:
    data = tiff(flat(1, np.uint8))
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data[: rng.integers(1, len(data) + 1)])
        for place in rng.integers(len(broken), size=3).tolist():
            broken[place] = int(rng.integers(256))

        tags = read_tags(io.BytesIO(bytes(broken)))

        assert tags is None or tags.pages >= 0
