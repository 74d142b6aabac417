import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.errors import InputError
from centernet.io.images import decode_image, image_size, inspect_image, read_image

# Flat colours survive JPEG; the red corner shows which way up the image is.
PIXELS = np.full((40, 64, 3), 90, dtype=np.uint8)
PIXELS[:16, :16] = (200, 30, 30)


def save(path: Path, image: Image.Image | None = None, **options: object) -> Path:
    (image or Image.fromarray(PIXELS)).save(path, **options)
    return path


def exif_with(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm"])
def test_lossless_files_give_their_pixels(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}")

    assert np.array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}])
def test_jpegs_are_read_as_rgb(tmp_path: Path, options: dict[str, object]) -> None:
    path = save(tmp_path / "a.JPG", **options)

    image = read_image(path).astype(int)

    assert np.abs(image[2, 2] - (200, 30, 30)).max() < 12
    assert np.abs(image[30, 50] - 90).max() < 3


def test_stray_bytes_between_the_segments_of_a_jpeg_are_passed_over_while_they_are_few(
    tmp_path: Path,
) -> None:
    path = save(tmp_path / "a.jpg", Image.fromarray(PIXELS))
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\0" * 100 + b"\xff" * 3 + data[2:])
    assert inspect_image(path).stored_size == PIXELS.shape[:2]

    path.write_bytes(data[:2] + b"\0" * 10_000_000)
    with pytest.raises(InputError, match="a JPEG with more than 65536 bytes between its segments"):
        inspect_image(path)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "PA", "CMYK", "YCbCr"])
def test_any_pixel_format_becomes_rgb(tmp_path: Path, mode: str) -> None:
    kind = "tif" if mode in ("CMYK", "YCbCr", "PA") else "png"
    image = Image.fromarray(PIXELS).convert(mode)
    if mode == "PA":
        kind = "gif"
        image = image.convert("P")
    path = save(tmp_path / f"a.{kind}", image)
    expected = np.asarray(Image.fromarray(PIXELS).convert(mode).convert("RGB"))

    assert np.abs(read_image(path).astype(int) - expected).max() <= 2


def test_a_cmyk_jpeg_is_not_inverted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.fromarray(PIXELS).convert("CMYK"))

    assert np.abs(read_image(path)[30, 50].astype(int) - 90).max() < 12


def test_hidden_colours_of_a_palette_do_not_warn(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(PIXELS).convert("P"), transparency=bytes([0, 128, 255]))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).shape == (40, 64, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(values))

    assert read_image(path)[0, :, 1].tolist() == [0, 1, 128, 255]


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.ones((4, 4), dtype=np.float32)))

    with pytest.raises(InputError, match="floats as pixels have no known range: scale them to 0 to 255"):
        read_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_images_are_upright_as_in_viewers(tmp_path: Path, orientation: int, suffix: str) -> None:
    from PIL import ImageOps

    path = save(tmp_path / f"a.{suffix}", exif=exif_with(orientation))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))

    image = read_image(path)

    assert image.shape == expected.shape == (*image_size(path), 3)
    assert np.abs(image.astype(int) - expected).max() < 12


def test_annotations_made_on_stored_pixels_get_stored_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", exif=exif_with(6))

    assert np.array_equal(read_image(path, size=(40, 64)), PIXELS)
    assert read_image(path, size=(64, 40)).shape == (64, 40, 3)
    assert read_image(path, size=(1, 2)).shape == (64, 40, 3)


def test_a_broken_exif_block_does_not_matter(tmp_path: Path) -> None:
    data = save(tmp_path / "a.jpg").read_bytes()
    body = b"Exif\0\0" + b"MM\0*\xff\xff\xff\xff"
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

    assert decode_image(data[:2] + segment + data[2:]).shape == (40, 64, 3)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif"])
def test_a_file_cut_short_is_an_error(tmp_path: Path, fraction: float, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])

    with pytest.raises(InputError, match=rf"a\.{suffix} is not a readable image: \S"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_file_cut_short_is_found_without_decoding(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(InputError, match="the file is cut short"):
        inspect_image(path)


def test_a_jpeg_cut_short_with_a_complete_thumbnail_is_an_error(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    Image.fromarray(PIXELS).save(thumbnail, "jpeg")
    body = b"Exif\0\0" + thumbnail.getvalue()
    data = save(tmp_path / "a.jpg").read_bytes()
    cut = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:-30]

    with pytest.raises(ValueError, match="cut short"):
        decode_image(cut)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_data_behind_the_image_do_not_matter(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes() + bytes(5000))

    assert inspect_image(path).upright_size == (40, 64)
    assert read_image(path).shape == (40, 64, 3)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )

    with pytest.raises(
        InputError, match=r"bomb.png .*60000×60000 pixels are more than the limit of 178,956,970"
    ):
        read_image(path)
    with pytest.raises(InputError, match="more than the limit"):
        inspect_image(path)


def test_the_pixel_limit_can_be_set(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")

    assert read_image(path, pixel_limit=40 * 64).shape == (40, 64, 3)
    with pytest.raises(InputError, match="limit of 2,559"):
        read_image(path, pixel_limit=40 * 64 - 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello, I am a text", "it is not an image"),
        (b"\xff\xd8", "ends inside its header"),
        (b"\xff\xd8\xff\xd9", "without pixels"),
        (b"\x89PNG\r\n\x1a\n\0\0", "ends inside its header"),
    ],
)
def test_a_file_that_is_no_image_is_reported(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    with pytest.raises(InputError, match=rf"a\.jpg is not a readable image: .*{words}"):
        read_image(path)
    with pytest.raises(InputError, match=words):
        image_size(path)


def test_a_missing_image_and_a_folder_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.jpg cannot be read: No such file"):
        read_image(tmp_path / "no.jpg")
    with pytest.raises(InputError, match="is no plain file: a folder"):
        image_size(tmp_path)


def test_corrupt_bytes_give_pixels_or_a_clear_error() -> None:
    rng = np.random.default_rng(0)
    files = []
    for kind in ("jpeg", "png", "gif", "tiff", "webp"):
        file = io.BytesIO()
        Image.fromarray(PIXELS).save(file, kind)
        files.append(file.getvalue())
    for round_number in range(300):
        data = bytearray(files[round_number % len(files)])
        for position in rng.integers(0, len(data), 8):
            data[position] = rng.integers(256)
        try:
            image = decode_image(bytes(data), pixel_limit=10_000_000)
        except ValueError:
            continue
        assert image.ndim == 3


def test_pipes_devices_and_folders_with_the_name_of_an_image_are_named_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")

    for name in ("pipe.jpg", "folder.jpg", "device.jpg"):
        for read in (read_image, inspect_image):
            with pytest.raises(InputError, match=rf"{name} is no plain file"):
                read(tmp_path / name)
