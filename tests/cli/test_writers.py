import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from centernet.cli.writers import CocoResults, Crops, KittiResults, Plots, fresh_folder
from centernet.detections import Detections
from centernet.errors import InputError, UsageError
from centernet.io.videos import Video, VideoWriter
from centernet.structures import Categories


def detections(name: str, image_id: int = 0, names: Iterable[str] = ("cell",), size: int = 32) -> Detections:
    names = tuple(names)
    return Detections(
        boxes=np.tile(np.array([4, 4, 20, 12], dtype=np.float32), (len(names), 1)),
        scores=np.full(len(names), 0.5, dtype=np.float32),
        labels=np.arange(len(names)),
        categories=Categories.of(*names) if names else Categories.of("cell"),
        name=name,
        image_size=(size, size),
        image_id=image_id,
        image=np.zeros((size, size, 3), dtype=np.uint8),
    )


def test_a_folder_with_files_is_not_used(tmp_path: Path) -> None:
    first = fresh_folder(str(tmp_path), "predict", exist_ok=False)
    (first / "a.txt").write_text("text")

    assert first.name == "predict"
    assert fresh_folder(str(tmp_path), "predict", exist_ok=False).name == "predict2"
    assert fresh_folder(str(tmp_path), "predict", exist_ok=True) == first


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(InputError, match=r"file.predict cannot be written \(Not a directory\)"):
        fresh_folder(str(tmp_path / "file"), "predict", exist_ok=False)


def test_plots_keep_the_names_of_their_images_unless_taken(tmp_path: Path) -> None:
    with Plots(tmp_path) as plots:
        for name in ("a/1.jpg", "b/1.jpg", "c/2.tif", "https://host/3.png"):
            plots.add(detections(name))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-2.jpg", "1.jpg", "2.tif.png", "3.png"]


def test_kitti_results_never_have_the_same_name(tmp_path: Path) -> None:
    files = KittiResults(tmp_path)
    for name in ("clip.mp4#0", "clip.mp4#12", "a/1.jpg", "b/1.jpg"):
        files.add(detections(name))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1-2.txt",
        "1.txt",
        "clip-000000.txt",
        "clip-000012.txt",
    ]


def test_the_query_of_a_url_is_in_no_name(tmp_path: Path) -> None:
    url = f"https://host/a%20b.png?signature={'x' * 300}"
    with Plots(tmp_path / "plots") as plots:
        plots.add(detections(url))
    Crops(tmp_path / "crops").add(detections(url))

    assert [path.name for path in sorted(tmp_path.rglob("*.png"))] == ["a b-1.png", "a b.png"]


def test_frames_of_a_video_become_a_video_of_the_same_frame_rate(tmp_path: Path) -> None:
    source = tmp_path / "clip.avi"
    with closing(VideoWriter(tmp_path / "clip.mp4", 12.0)) as writer:
        for _ in range(3):
            writer.add(np.zeros((32, 32, 3), dtype=np.uint8))
    (tmp_path / "clip.mp4").rename(source)
    out = tmp_path / "out"
    out.mkdir()
    with Plots(out) as plots:
        plots.add(detections("a.png"))
        for number in range(3):
            plots.add(detections(f"{source}#{number}"))
        plots.add(detections("b.png"))

    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png", "clip.mp4"]
    frames = list(Video(out / "clip.mp4"))
    assert len(frames) == 3
    assert frames[0].max() > 100
    assert Video(out / "clip.mp4").frames_per_second == pytest.approx(12)


def test_a_class_of_any_name_has_a_folder_and_a_url_of_any_name_a_file(tmp_path: Path) -> None:
    crops = Crops(tmp_path / "crops")
    crops.add(
        detections(
            "https://example.org/a%00%0a%1b.jpg", names=("nul\0l\x1b[2J", "n" * 3000, "..", "細" * 200)
        )
    )

    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == sorted(
        ["nul_l_[2J", "n" * 80, "_", "細" * 80]
    )
    assert (tmp_path / "crops" / "_" / "a___-3.png").is_file()


def test_crops_are_in_a_folder_for_each_class(tmp_path: Path) -> None:
    crops = Crops(tmp_path)
    crops.add(detections("a.jpg", names=("cell", "a/b")))
    crops.add(detections("a.jpg"))

    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert found == ["a_b/a-2.png", "cell/a-1.png", "cell/a-3.png"]
    with Image.open(tmp_path / found[0]) as crop:
        assert crop.size == (16, 8)


@pytest.mark.parametrize("counts", [(0,), (0, 0), (1,), (0, 2, 1)])
def test_results_are_complete_json_whatever_their_number(tmp_path: Path, counts: tuple[int, ...]) -> None:
    path = tmp_path / "new" / "results.json"
    with CocoResults(path) as results:
        for image_id, count in enumerate(counts):
            results.add(detections("a.png", image_id, names=[f"class {n}" for n in range(count)]))

    entries = json.loads(path.read_text())
    assert len(entries) == sum(counts)
    assert all(entry["bbox"] == [4, 4, 16, 8] and entry["file_name"] == "a.png" for entry in entries)


def test_results_are_complete_json_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "results.json"

    def stopped() -> None:
        with CocoResults(path) as results:
            results.add(detections("a.png"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert len(json.loads(path.read_text())) == 1


def test_results_are_complete_json_after_every_image(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    counts = []
    with CocoResults(path) as results:
        for names in ((), ("cell",), (), ("cell", "dust"), ("cell",)):
            results.add(detections("a.png", names=names))
            counts.append(len(json.loads(path.read_text())))

    assert counts == [0, 1, 1, 3, 4]


def test_results_that_exist_are_kept_until_the_new_ones_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("before")
    with CocoResults(path):
        pass
    nothing = path.read_text()
    with CocoResults(path) as results:
        results.add(detections("a.png"))
        meanwhile = path.read_text()

    assert (nothing, meanwhile) == ("before", "before")
    assert len(json.loads(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_no_writer_replaces_an_image_of_the_source(tmp_path: Path) -> None:
    source = tmp_path / "crops" / "cell" / "a-1.png"
    source.parent.mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(source)
    before = source.read_bytes()

    with pytest.raises(UsageError, match=r"a-1.png would be overwritten: choose another project or name"):
        Crops(tmp_path / "crops").add(detections(str(source.with_name("a.png"))))
    with pytest.raises(UsageError, match=r"a-1.png would be overwritten"), Plots(source.parent) as plots:
        plots.add(detections(str(source)))
    assert source.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_named_with_the_file() -> None:
    with (
        pytest.raises(InputError, match=r"/dev/full cannot be written \(No space left on device\)"),
        CocoResults("/dev/full") as results,
    ):
        results.add(detections("a.png"))


def test_a_video_that_is_not_complete_is_named(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "clip.mp4", 10.0)
    writer.add(np.zeros((32, 32, 3), dtype=np.uint8))
    (part,) = tmp_path.iterdir()
    part.unlink()

    with pytest.raises(InputError, match=r"clip.mp4 could not be written whole: is the disk full\?"):
        writer.close()
