"""A `.pt2` program is read before torch opens it, and nothing of a file that holds code is run."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from centernet import CenterNet
from centernet.cli import main
from centernet.errors import InputError, UsageError
from centernet.inference.backends.torch_archive import check_archive

CONSTANTS, GRAPH = "data/constants/model_constants_config.json", "models/model.json"


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


class Sums(torch.nn.Module):
    """A program with a size and a constant in its graph."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Sums of rows, and a number for each."""
        return images.sum(1) + torch.arange(images.shape[0] * 2)[::2] * torch.tensor([2.0])


@pytest.fixture(scope="module")
def honest() -> bytes:
    """A program of torch without a detector."""
    rows = {"images": {0: torch.export.Dim("rows")}}
    content = io.BytesIO()
    torch.export.save(torch.export.export(Sums(), (torch.zeros(4, 6),), dynamic_shapes=rows), content)
    return content.getvalue()


def changed(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with another content of one part, which is added if there is none."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == f"{root}/{part}" else data)
        if f"{root}/{part}" not in old.namelist():
            new.writestr(f"{root}/{part}", change(b""))
    return written.getvalue()


def in_text(before: str, after: str) -> Callable[[bytes], bytes]:
    """A change of a text in a part, which must hold it."""

    def apply(data: bytes) -> bytes:
        assert before.encode() in data
        return data.replace(before.encode(), after.encode())

    return apply


def test_a_program_of_numbers_and_functions_on_them_passes(honest: bytes) -> None:
    check_archive(honest, "a.pt2")
    check_archive(changed(honest, "extra/centernet.json", lambda _: b"{}"), "a.pt2")


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        (CONSTANTS, in_text('"use_pickle": false', '"use_pickle": true'), "a pickle as "),
        (CONSTANTS, in_text("tensor_0", "custom_obj_0"), "'custom_obj_0' as "),
        ("data/constants/custom_obj_0", lambda _: b"", "the part"),
        ("data/aotinductor/model/model.so", lambda _: b"", "the part"),
        ("models/other.json", lambda _: b"{}", "the part"),
        ("serialized_state_dict.pt", lambda _: b"", "the part"),
        (GRAPH, in_text("torch.ops.aten.sum.dim_IntList", "torch.hub.os.system"), "a call of"),
        (GRAPH, in_text("torch.ops.aten.sum.dim_IntList", "#x.y"), "a call of"),
        (GRAPH, in_text("Symbol('s", "__import__('os').system('true') or Symbol('s"), "an expression"),
        (GRAPH, in_text("Symbol('s", "lambda: Symbol('s"), "an expression"),
    ],
)
def test_an_archive_with_code_is_refused(
    part: str, change: Callable[[bytes], bytes], reason: str, honest: bytes
) -> None:
    with pytest.raises(InputError, match=rf"a\.pt2 holds more than numbers, {reason}.*nothing of it was run"):
        check_archive(changed(honest, part, change), "a.pt2")


def test_a_pickle_as_sample_input_is_not_run(honest: bytes, tmp_path: Path) -> None:
    content = io.BytesIO()
    torch.save(((Touch(tmp_path / "ran"),), {}), content)
    evil = tmp_path / "evil.pt2"
    evil.write_bytes(changed(honest, "data/sample_inputs/model.pt", lambda _: content.getvalue()))

    with pytest.raises(InputError, match="a pickle as sample input"):
        CenterNet(evil, trust=True)
    assert not (tmp_path / "ran").exists()


def test_the_layout_of_former_versions_is_refused_unread(tmp_path: Path) -> None:
    former = tmp_path / "former.pt2"
    with zipfile.ZipFile(former, "w") as archive:
        archive.writestr("version", "8.2")
        archive.writestr("serialized_state_dict.pt", pickle.dumps(Touch(tmp_path / "ran")))

    with pytest.raises(InputError, match="the layout of former versions of torch"):
        CenterNet(former, trust=True)
    assert not (tmp_path / "ran").exists()


def test_compressed_parts_are_refused(honest: bytes) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(honest)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))

    with pytest.raises(InputError, match="the compressed part"):
        check_archive(packed.getvalue(), "a.pt2")


def test_a_program_is_opened_only_with_trust(
    honest: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "clean.pt2"
    program.write_bytes(honest)

    with pytest.raises(UsageError, match="add trust=true if you or somebody you trust"):
        CenterNet(program)
    assert main(["predict", f"model={program}", "source=a.png"]) == 2
    assert "trust=true" in capsys.readouterr().err
    with pytest.raises(InputError, match="was not written by `centernet export`"):
        CenterNet(program, trust=True)
