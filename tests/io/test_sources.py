import re
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from operator import length_hint
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from centernet.errors import InputError, UsageError
from centernet.io.sources import Failure, Frame, frames
from centernet.io.videos import VideoWriter

RED = np.full((4, 6, 3), (255, 0, 0), dtype=np.uint8)


def write_image(path: Path, color: tuple[int, int, int] = (255, 0, 0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), color).save(path)
    return path


def names_of(source: object) -> list[str]:
    return [Path(item.name).name for item in frames(source)]


def image_of(source: object) -> np.ndarray:
    (item,) = frames(source)
    assert isinstance(item, Frame)
    return item.image


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with closing(VideoWriter(path, 10.0)) as writer:
        for level in (0, 80, 160, 240):
            writer.add(np.full((32, 48, 3), (level, 0, 0), dtype=np.uint8))
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_one_frame_named_by_its_path(tmp_path: Path, kind: type) -> None:
    path = write_image(tmp_path / "a.png")
    (item,) = frames(kind(path))

    assert isinstance(item, Frame)
    assert item.name == str(path)
    assert np.array_equal(item.image, RED)


def test_a_folder_gives_the_images_directly_in_it_in_order_of_numbers(tmp_path: Path) -> None:
    for name in ("10.png", "2.png", "b/3.png", ".hidden.png"):
        write_image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")

    assert names_of(tmp_path) == ["2.png", "10.png"]


def test_two_stars_reach_folders_below(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/b/2.png", "c.jpg"):
        write_image(tmp_path / name)

    assert names_of(str(tmp_path / "**" / "*.png")) == ["1.png", "2.png"]
    assert names_of(tmp_path / "*.jpg") == ["c.jpg"]


def test_a_file_with_brackets_in_its_name_is_not_a_pattern(tmp_path: Path) -> None:
    assert names_of(write_image(tmp_path / "a[1].png")) == ["a[1].png"]


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_image(tmp_path / "a.png")

    assert names_of("~/a.png") == names_of("~/*.png") == ["a.png"]


def test_frames_of_a_video_are_numbered_and_rgb(video: Path) -> None:
    items = [item for item in frames(video) if isinstance(item, Frame)]

    assert [item.name for item in items] == [f"{video}#{number}" for number in range(4)]
    assert items[3].image.shape == (32, 48, 3)
    assert items[3].image[16, 24] == pytest.approx([240, 0, 0], abs=12)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("absent.png", "absent.png does not exist: pass an image, a folder"),
        ("absent/", "absent does not exist"),
        ("absent.mp4", "absent.mp4 does not exist"),
        ("empty", "empty has no images directly in it"),
        ("*.nothing", r"the pattern '.*\*.nothing' matches nothing"),
        ("*.txt", r"the pattern '.*\*.txt' matches 1 others, but no image or video"),
        ("broken.mp4", "broken.mp4 is not a video that can be read"),
    ],
)
def test_a_source_without_images_is_reported(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "broken.mp4").write_bytes(b"no video")

    with pytest.raises(InputError, match=words) as caught:
        frames(str(tmp_path / source))

    assert "\n" not in str(caught.value)


def test_a_broken_image_is_a_failure_between_frames(tmp_path: Path) -> None:
    for name in ("1.png", "3.png"):
        write_image(tmp_path / name)
    (tmp_path / "2.png").write_bytes(b"no image")
    items = list(frames(tmp_path))

    assert [type(item) for item in items] == [Frame, Failure, Frame]
    assert isinstance(items[1], Failure)
    assert items[1].name == str(tmp_path / "2.png")
    assert items[1].reason.startswith("is not a readable image: ")


def test_a_missing_item_of_a_list_is_a_failure(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png")
    absent = tmp_path / "absent.png"
    failure, frame = frames([str(absent), image])

    assert isinstance(failure, Failure)
    assert failure.name == str(absent)
    assert failure.reason.startswith("does not exist: ")
    assert frame.name == str(image)


def test_a_broken_video_among_files_is_a_failure(tmp_path: Path, video: Path) -> None:
    broken = tmp_path / "a.mp4"
    broken.write_bytes(b"no video")
    items = list(frames(str(tmp_path / "*.mp4")))

    assert items[0] == Failure(name=str(broken), reason="is not a video that can be read")
    assert len(items) == 1 + 4


def test_pillow_images_of_any_mode_become_rgb() -> None:
    assert np.array_equal(image_of(Image.fromarray(RED)), RED)
    assert image_of(Image.new("L", (6, 4), 7))[0, 0].tolist() == [7, 7, 7]
    assert image_of(Image.new("RGBA", (6, 4), (1, 2, 3, 0)))[0, 0].tolist() == [1, 2, 3]


def test_a_pillow_image_keeps_the_name_of_its_file(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    with Image.open(path) as image:
        (item,) = frames(image)

    assert item.name == str(path)


def test_a_pillow_image_of_a_broken_file_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with Image.open(path) as image:
        (item,) = frames(image)

    assert isinstance(item, Failure)
    assert item.reason.startswith("the image cannot be decoded")


def test_grey_arrays_get_three_equal_channels() -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)

    assert image_of(grey)[2, 3].tolist() == [15, 15, 15]


def test_tensors_of_bytes_and_of_fractions_are_the_same_image() -> None:
    tensor = torch.from_numpy(RED).permute(2, 0, 1)

    assert np.array_equal(image_of(tensor), RED)
    assert np.array_equal(image_of(tensor / 255), RED)
    assert np.array_equal(image_of((tensor / 255).bfloat16().requires_grad_()), RED)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros((3, 4, 6), np.uint8), "(3, 4, 6): pass image.transpose(1, 2, 0)"),
        (np.zeros((4, 6, 4), np.uint8), "(4, 6, 4): pass image[..., :3]"),
        (np.zeros((2, 4, 6, 3), np.uint8), "(2, 4, 6, 3): pass list(images) for several"),
        (np.zeros((0, 6, 3), np.uint8), "got (0, 6, 3)"),
        (np.zeros((4, 6, 3)), "got float64: pass (255 * image).astype(np.uint8)"),
        (np.full((4, 6, 3), 200.0), "got float64: pass image.astype(np.uint8) if 255 is white"),
        (np.zeros((4, 6, 3), np.int32), "got int32: pass image.astype(np.uint8) if 255 is white"),
        (torch.zeros(4, 6, 3), "(3, height, width); got (4, 6, 3)"),
        (torch.zeros(2, 3, 4, 6), "got (2, 3, 4, 6): pass list(images) for several"),
        (torch.full((3, 4, 6), 200.0), "holds 0 to 1, before any normalising; got 200 to 200"),
        (torch.full((3, 4, 6), torch.nan), "got nan to nan"),
        (torch.zeros((3, 4, 6), dtype=torch.int64), "uint8 or floats from 0 to 1; got torch.int64"),
        (7, "cannot take images from the camera or stream 7: pass an iterator of its frames"),
        ("0", "cannot take images from the camera or stream 0: pass an iterator"),
        ("rtsp://1.2.3.4/x", "cannot take images from the camera or stream rtsp://1.2.3.4/x: pass"),
        ("https://there/clip.mp4?x=1", "https://there/clip.mp4?x=1 is a video: download it first"),
        ({"a": 1}, "cannot take images from dict"),
        (b"bytes", "cannot take images from bytes"),
        (None, "cannot take images from NoneType"),
    ],
)
def test_the_error_for_other_objects_names_what_to_pass(source: object, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        list(frames(source))

    assert "\n" not in str(caught.value)


def test_a_list_mixes_every_kind_of_source(tmp_path: Path, video: Path) -> None:
    write_image(tmp_path / "many" / "1.png")
    write_image(tmp_path / "many" / "2.png")
    source = [tmp_path / "many", RED, str(video), (Image.fromarray(RED), torch.zeros(3, 4, 6))]

    assert names_of(source) == [
        *("1.png", "2.png", "image 1"),
        *("clip.mp4#0", "clip.mp4#1", "clip.mp4#2", "clip.mp4#3"),
        *("image 0", "image 1"),
    ]


def test_an_invalid_array_is_reported_by_its_position() -> None:
    with pytest.raises(UsageError, match=r"^image 1: an image array holds uint8"):
        list(frames([RED, RED.astype(float)]))


def test_an_iterator_is_read_one_image_at_a_time() -> None:
    asked = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            asked.append(1)
            yield RED

    stream = iter(frames(endless()))
    next(stream)
    next(stream)

    assert len(asked) == 2


def test_the_length_is_known_where_nothing_must_be_opened_for_it(tmp_path: Path, video: Path) -> None:
    for name in ("1.png", "2.png"):
        write_image(tmp_path / "many" / name)

    assert frames(tmp_path / "many").length == 2
    assert frames(str(tmp_path / "many" / "*.png")).length == 2
    assert frames(video).length == 4
    assert frames(RED).length == 1
    assert frames([RED, "a.png", "http://localhost/b"]).length == 3
    assert length_hint(frames([RED, RED])) == 2


def test_the_length_is_unknown_where_sources_hold_several_images(tmp_path: Path, video: Path) -> None:
    write_image(tmp_path / "1.png")

    assert frames([tmp_path, RED]).length is None
    assert frames(str(tmp_path / "*")).length is None
    assert frames(iter([RED])).length is None
    assert length_hint(frames(iter([RED]))) == 0


def test_memory_holds_one_image_of_a_folder(tmp_path: Path) -> None:
    for number in range(8):
        Image.new("RGB", (1000, 1000)).save(tmp_path / f"{number}.png")
    tracemalloc.start()
    for item in frames(tmp_path):
        del item
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * 3_000_000


class ImageServer(BaseHTTPRequestHandler):
    image = b""

    def do_GET(self) -> None:
        found = self.path != "/absent.png"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(self.image if self.path == "/a.png" else b"a page")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    ImageServer.image = write_image(tmp_path / "served.png").read_bytes()
    with HTTPServer(("127.0.0.1", 0), ImageServer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_url_is_downloaded(server: str) -> None:
    assert np.array_equal(image_of(f"{server}/a.png"), RED)


def test_a_url_without_an_image_is_a_failure(server: str) -> None:
    absent, page = frames([f"{server}/absent.png", f"{server}/page"])

    assert isinstance(absent, Failure)
    assert absent.reason == "cannot be fetched: the server responds 404 Not Found"
    assert isinstance(page, Failure)
    assert page.reason.startswith("is not a readable image: ")


def test_a_download_that_is_too_large_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from centernet.io.downloads import download

    with pytest.raises(InputError, match=r"a\.png is more than 0 MiB: download it yourself"):
        download(f"{server}/a.png", byte_limit=10)


def test_being_offline_is_reported_in_one_line(server: str) -> None:
    unused = "http://127.0.0.1:9"
    (item,) = frames(f"{unused}/a.png")

    assert isinstance(item, Failure)
    assert re.fullmatch(r"cannot be fetched \(.*refused.*\): is this machine online\?", item.reason)


def test_a_pattern_enters_folders_that_links_lead_to_again_once(tmp_path: Path) -> None:
    for name in ("1.png", "a/2.png", "a/b/3.png"):
        write_image(tmp_path / name)
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "too").symlink_to(tmp_path)

    assert sorted(names_of(f"{tmp_path}/**/*.png")) == ["1.png", "2.png", "3.png"]
    assert names_of(f"{tmp_path}/a/**/b/*.png") == ["3.png"]
    assert len(names_of(f"{tmp_path}/**")) == 3
