"""Weights on disk: a folder of `config.json`, `model.safetensors` and `README.md`, or one file alone."""

import json
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from centernet.errors import InputError, UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.io.values import read_json
from centernet.io.writing import write_atomically, writing
from centernet.recipes.hints import did_you_mean
from centernet.recipes.presets import RECIPES
from centernet.weights.config import config_of, predictor_of
from centernet.weights.zoo import CONFIG, MODEL, ZOO, names

_EPOCH = "epoch"

CARD = "README.md"
"""File name of the model card."""

_PLACES = (MODEL, "weights/best.safetensors", "weights/last.safetensors")
"""Paths of the weights in a weights folder or a run folder, in order of the search."""


def save(predictor: TorchPredictor, folder: str | Path, *, card: str = "", half: bool = False) -> Path:
    """Writes a weights folder; each file appears whole or not at all.

    Args:
        predictor: Predictor whose network, task, classes and preprocessing are written.
        folder: Folder to write, created if missing.
        card: Text of the model card: training data, settings and results.
        half: Store weights in 16 bits, which halves the size; they are loaded as 32 bits.

    Returns:
        The folder.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    save_file(predictor, folder / MODEL, half=half)
    write_atomically(folder / CONFIG, (json.dumps(config_of(predictor), indent=2) + "\n").encode())
    write_atomically(folder / CARD, (card or _card(predictor)).encode())
    return folder


def save_file(predictor: TorchPredictor, path: Path, *, half: bool = False, epoch: int | None = None) -> None:
    """Writes one `.safetensors` file with the config in its metadata.

    Args:
        predictor: The predictor.
        path: The file; missing folders are made.
        half: Store weights in 16 bits.
        epoch: Epoch of the training that they are of, kept in the metadata.

    Raises:
        InputError: A weight is not a finite number, or the file cannot be written; nothing is written.
    """
    from safetensors.torch import save as to_bytes

    state = {
        # safetensors accepts no channels-last tensors; counters stay integers.
        key: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
        for key, value in predictor.network.state_dict().items()
    }
    if broken := first_not_finite(state):
        raise InputError(f"{path} is not written: {broken!r} holds numbers that are not finite")
    metadata = {"centernet": json.dumps(config_of(predictor))}
    if epoch is not None:
        metadata[_EPOCH] = str(epoch)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_bytes(state, metadata=metadata))


def first_not_finite(state: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a number that is not finite; None if there is none."""
    return next((key for key, value in state.items() if not bool(value.isfinite().all())), None)


def check_finite(state: Mapping[str, Tensor], source: str) -> None:
    """Raises an `InputError` if a weight is not a finite number; it names the first such tensor.

    Args:
        state: Weights by key.
        source: Name of the weights in messages.
    """
    if broken := first_not_finite(state):
        raise InputError(
            f"{source}: {broken!r} holds numbers that are not finite: the training that wrote it diverged; "
            "take other weights, or train again with a lower lr"
        )


def epoch_of(name: str | Path) -> int | None:
    """The epoch of a training that saved weights are of; None if they do not tell."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(find(name), "pt") as file:
            return int((file.metadata() or {})[_EPOCH])
    except (KeyError, ValueError, SafetensorError, OSError):
        return None


def has_weights(path: Path) -> bool:
    """True for a file, a weights folder or a run folder with weights."""
    return path.is_file() or any((path / place).is_file() for place in _PLACES)


def find(name: str | Path) -> Path:
    """The `.safetensors` file of a name of included weights, a weights folder, a run folder or a path.

    Raises:
        InputError: There are no such weights, or the file is no `.safetensors` file.
    """
    path = Path(name)
    if _is_yolo(path):
        raise InputError(
            f"{name} is a name of YOLO weights, which are not read: train and leave model= out, which begins "
            "from weights that come along"
        )
    if path.is_file():
        if path.suffix != ".safetensors":
            raise InputError(
                f"{path} is no .safetensors file; only those are read, since nothing in them is run"
                f"{_how_to_convert(path)}"
            )
        return path
    for place in _PLACES:
        if (path / place).is_file():
            return path / place
    if (ZOO / str(name) / MODEL).is_file():
        return ZOO / str(name) / MODEL
    if path.is_dir():
        raise InputError(f"{path} holds neither {MODEL} nor weights/best.safetensors")
    hint = did_you_mean(str(name), [*names(), *RECIPES]) or "`centernet models` lists those included"
    raise InputError(f"no weights {str(name)!r}: there is no such file or folder; {hint}")


def _is_yolo(path: Path) -> bool:
    """True for names such as `yolo11n.pt`, `yolov8s-pose.pt` and `yolo11n.yaml`."""
    return path.name.lower().startswith("yolo") and path.suffix in {".pt", ".yaml"}


def _how_to_convert(path: Path) -> str:
    if path.suffix not in {".pth", ".pt", ".tar", ".pkl"}:
        return ""
    command = shlex.join(["centernet", "convert", f"model={path}", f"output=weights/{path.stem}"])
    return f": if it is a checkpoint of the original CenterNet, convert it first: {command}"


def load(name: str | Path, device: str | torch.device = "cpu") -> TorchPredictor:
    """The predictor of saved weights, in evaluation mode.

    Args:
        name: A name of included weights, a weights folder, a run folder or a `.safetensors` file.
        device: Device of the network.

    Raises:
        InputError: The file is missing or broken, or its weights are not finite or do not fit its config. The
            message names the file, and the key if there is one.
    """
    from safetensors import SafetensorError, safe_open

    path = find(name)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            predictor = _empty_predictor(path, metadata)
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            check_fit(predictor.network, shapes, str(path))
            state = {key: file.get_tensor(key) for key in shapes}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is not a complete safetensors file ({error}): copy or train it again"
        ) from error
    expected = predictor.network.state_dict()
    # Copies: the tensors of the file are a view of it.
    state = {key: value.to(expected[key].dtype, copy=True) for key, value in state.items()}
    check_finite(state, str(path))
    predictor.network.load_state_dict(state, assign=True)
    if any(value.is_meta for value in predictor.network.buffers()):
        predictor = _with_buffers(predictor, state)
    predictor.network.eval().to(device).to(memory_format=torch.channels_last)
    return predictor


def _empty_predictor(path: Path, metadata: Mapping[str, str]) -> TorchPredictor:
    """The predictor of a config, whose network takes no memory yet, whatever the config says.

    Raises:
        InputError: There is no config, or it is not valid.
    """
    if "centernet" in metadata:
        text, source = metadata["centernet"], path
    elif path.with_name(CONFIG).is_file():
        source = path.with_name(CONFIG)
        text = source.read_text(encoding="utf-8", errors="replace")
    else:
        raise InputError(
            f"{path} has no config, and there is no {CONFIG} beside it: it was not written by this library"
        )
    try:
        config = read_json(text, str(source))
        if not isinstance(config, Mapping):
            raise ValueError("it is no object with keys")
        with torch.device("meta"):
            return predictor_of(config)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        if isinstance(error, InputError | UsageError):
            raise
        raise InputError(f"{source}: the config is not valid ({error})") from error


def _with_buffers(predictor: TorchPredictor, state: Mapping[str, Tensor]) -> TorchPredictor:
    """The same with the numbers that files leave out, since the network computes them when it is built."""
    with torch.random.fork_rng(devices=[]):
        network = predictor.architecture.build(predictor.task.heads)
    network.load_state_dict(state)
    return replace(predictor, network=network)


def check_fit(network: torch.nn.Module, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Raises an `InputError` if a weight is missing, unexpected or of another shape; it names the first one.

    Args:
        network: Whose weights they are to be.
        shapes: Shape of each weight by key.
        source: Name of the weights in messages.
    """
    expected = network.state_dict()
    for key, value in expected.items():
        if key not in shapes:
            raise InputError(f"{source}: weights lack {key!r}")
        if shapes[key] != tuple(value.shape):
            shape, expected_shape = shapes[key], tuple(value.shape)
            raise InputError(f"{source}: {key!r} has shape {shape}, but the network has {expected_shape}")
    for key in shapes:
        if key not in expected:
            raise InputError(f"{source}: weights hold {key!r}, which the network does not have")


def fill(network: torch.nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Loads weights into a network, whose keys and shapes must be the same.

    Args:
        network: Network to load into, in place.
        state: Weights by key; numbers are converted to the type of the network's.
        source: Name of the weights in messages.

    Raises:
        InputError: A key is missing, unexpected, of another shape or not finite; the message names the first.
    """
    check_fit(network, {key: tuple(value.shape) for key, value in state.items()}, source)
    expected = network.state_dict()
    check_finite(state, source)
    network.load_state_dict({key: value.to(expected[key].dtype) for key, value in state.items()})


def transfer(source: torch.nn.Module, network: torch.nn.Module) -> list[str]:
    """Copies every weight that has the same key and shape in both networks.

    Where the source has one class and the network several, each of them begins as that class, at a likelihood
    that is divided among them.

    Args:
        source: Network to copy from.
        network: Network to copy to, in place.

    Returns:
        The layers of `network` that keep weights of their own, sorted by name.
    """
    weights, initial = source.state_dict(), network.state_dict()
    copied = {
        key: weights[key] if weights[key].shape == value.shape else _shared_among(weights[key], value)
        for key, value in initial.items()
        if key in weights
        and (weights[key].shape == value.shape or _is_of_one_class(key, weights[key], value))
    }
    network.load_state_dict({**initial, **copied})
    return sorted({key.rsplit(".", 1)[0] for key in initial.keys() - copied.keys()})


def _is_of_one_class(key: str, one: Tensor, several: Tensor) -> bool:
    """True for the last layer of a heatmap of one class, where there are to be several."""
    return ".heatmap." in key and len(one) == 1 and one.shape[1:] == several.shape[1:]


def _shared_among(one: Tensor, several: Tensor) -> Tensor:
    """The weight or bias of one class for each of several, whose small probabilities add up to its."""
    repeated = one.expand(several.shape).clone()
    return repeated - math.log(len(several)) if one.ndim == 1 else repeated


def _card(predictor: TorchPredictor) -> str:
    # A name is text, whatever a data set calls its classes: no markup, and no further line.
    names = ", ".join(_plain(name) for name in predictor.categories.names)
    return (
        "---\nlibrary_name: centernet\nlicense: apache-2.0\npipeline_tag: object-detection\n---\n\n"
        f"# {predictor.architecture.backbone}\n\nDetects: {names}.\n\n"
        "```python\nfrom centernet import CenterNet\n\n"
        'for detections in CenterNet("PATH").predict("image.jpg"):\n    print(detections)\n```\n'
    )


def _plain(name: str) -> str:
    """A name as plain text in Markdown."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", printable)
