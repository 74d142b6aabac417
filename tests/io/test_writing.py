"""Files that appear whole or not at all, and folders that one process gets."""

import multiprocessing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from centernet.errors import InputError, UsageError
from centernet.io.writing import check_replaceable, claim_folder, is_special, replacing, write_atomically


def test_a_file_that_cannot_be_finished_keeps_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")

    def stopped() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_has_the_suffix_that_a_writer_needs_and_a_short_name(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 240 + ".png")
    with replacing(path, ".png") as part:
        part.write_bytes(b"image")

    assert part.suffix == ".png"
    assert path.read_bytes() == b"image"


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a.txt", tmp_path / "a.txt"
    target.write_text("before")
    link.symlink_to(target)
    write_atomically(link, b"after")
    write_atomically(Path("/dev/null"), b"nothing")

    assert link.is_symlink()
    assert target.read_text() == "after"
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no /dev/shm")
def test_a_file_in_shared_memory_is_replaced_as_on_a_disk() -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "a.txt"
        path.write_text("before")
        with replacing(path) as part:
            part.write_text("half")

            assert path.read_text() == "before"
        assert path.read_text() == "half"
    assert is_special(Path("/dev/stdout"))
    assert is_special(Path("/proc/self/fd/1"))


def _claim(parent: str, barrier: Any, claimed: Any) -> None:
    for number in range(50):
        barrier.wait()
        claimed.put(str(claim_folder(Path(parent), f"run{number}-")))


def test_processes_that_begin_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, claimed = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_claim, args=(str(tmp_path), barrier, claimed)) for _ in range(2)]
    for process in processes:
        process.start()
    folders = [claimed.get(timeout=60) for _ in range(100)]
    for process in processes:
        process.join(timeout=60)

    assert len(set(folders)) == 100


def test_a_folder_is_claimed_again_only_if_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file has the name")
    first = claim_folder(tmp_path / "runs", "train")

    assert claim_folder(tmp_path / "runs", "train").name == "train2"
    assert claim_folder(tmp_path / "runs", "train", exist_ok=True) == first
    assert claim_folder(tmp_path, "file").name == "file2"
    with pytest.raises(InputError, match=r"cannot be written \(Not a directory\)"):
        claim_folder(tmp_path / "file", "train")


def test_a_file_is_replaced_only_if_asked_for_and_never_one_of_the_data_set(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "annotations").mkdir(parents=True)
    own, other = data / "annotations" / "val.json", tmp_path / "found.json"
    for path in (own, other):
        path.write_text("{}")
    (tmp_path / "empty").mkdir()
    check_replaceable(other, exist_ok=True, data=data)
    check_replaceable(tmp_path / "new.json", data=data)
    check_replaceable(tmp_path / "empty")
    check_replaceable("/dev/stdout")

    with pytest.raises(UsageError, match=r"found.json exists: name another one, or add exist_ok=true"):
        check_replaceable(other)
    for given in (data, own):
        with pytest.raises(UsageError, match=r"val.json is a file of the data set .*: name another one"):
            check_replaceable(own, exist_ok=True, data=given)
