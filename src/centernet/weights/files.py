"""Weights on disk: a folder of `config.json`, `model.safetensors` and `README.md`, or one file alone."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from centernet.errors import InputError, UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import write_atomically
from centernet.recipes.hints import did_you_mean
from centernet.recipes.presets import RECIPES
from centernet.weights.config import config_of, predictor_of
from centernet.weights.zoo import CONFIG, MODEL, ZOO, names

CARD = "README.md"


_PLACES = (MODEL, "weights/best.safetensors", "weights/last.safetensors")
"""Where weights lie in a folder, of weights or of a run."""


def save(predictor: TorchPredictor, folder: str | Path, *, card: str = "", half: bool = False) -> Path:
    """Writes a weights folder; each file appears whole or not at all.

    Args:
        predictor: What to write.
        folder: Made if need be.
        card: Text of the model card: what it was trained on, how, and what it reached.
        half: Store weights in 16 bits: half the size; they are read back into 32.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(predictor, folder / MODEL, half=half)
    write_atomically(folder / CONFIG, (json.dumps(config_of(predictor), indent=2) + "\n").encode())
    write_atomically(folder / CARD, (card or _card(predictor)).encode())
    return folder


def save_file(predictor: TorchPredictor, path: Path, *, half: bool = False) -> None:
    """Writes one `.safetensors` file that holds the config in its metadata."""
    from safetensors.torch import save as to_bytes

    state = {
        # safetensors refuses channels-last tensors, and counters have no half.
        key: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
        for key, value in predictor.network.state_dict().items()
    }
    write_atomically(path, to_bytes(state, metadata={"centernet": json.dumps(config_of(predictor))}))


def has_weights(path: Path) -> bool:
    """Whether a path is that of a file, or of a folder of weights or of a run."""
    return path.is_file() or any((path / place).is_file() for place in _PLACES)


def find(name: str | Path) -> Path:
    """The `.safetensors` file behind a name, a weights folder, a run folder or a path.

    Raises:
        InputError: Nothing is there; says what was looked for.
    """
    path = Path(name)
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
    hint = did_you_mean(str(name), [*names(), *RECIPES]) or "`centernet models` lists what comes along"
    raise InputError(f"no weights {str(name)!r}: there is no such file or folder; {hint}")


def _how_to_convert(path: Path) -> str:
    if path.suffix not in {".pth", ".pt", ".tar", ".pkl"}:
        return ""
    command = shlex.join(["centernet", "convert", f"model={path}", f"output=weights/{path.stem}"])
    return f": if it is a checkpoint of the original CenterNet, convert it first: {command}"


def load(name: str | Path, device: str | torch.device = "cpu") -> TorchPredictor:
    """The predictor that weights describe, in evaluation mode.

    Raises:
        InputError: The file is broken, or its weights do not fit its config; names the file and the key.
    """
    from safetensors import SafetensorError, safe_open

    path = find(name)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is not a whole safetensors file ({error}): copy or train it again"
        ) from error
    if "centernet" in metadata:
        text, source = metadata["centernet"], path
    elif path.with_name(CONFIG).is_file():
        text, source = path.with_name(CONFIG).read_text(), path.with_name(CONFIG)
    else:
        raise InputError(f"{path} has no config, and no {CONFIG} lies beside it: these are not our weights")
    try:
        predictor = predictor_of(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError | UsageError):
            raise
        raise InputError(f"{source}: the config is not one of ours ({error})") from error
    fill(predictor.network, state, str(path))
    predictor.network.eval().to(device)
    return predictor


def fill(network: torch.nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Puts weights into a network; every key must be there and fit.

    Raises:
        InputError: Names the first key that is missing, left over or of another shape.
    """
    wanted = network.state_dict()
    for key, value in wanted.items():
        if key not in state:
            raise InputError(f"{source}: weights lack {key!r}")
        if state[key].shape != value.shape:
            came, fits = tuple(state[key].shape), tuple(value.shape)
            raise InputError(f"{source}: {key!r} has shape {came}, but the network wants {fits}")
    for key in state:
        if key not in wanted:
            raise InputError(f"{source}: weights hold {key!r}, which the network has no place for")
    network.load_state_dict({key: value.to(wanted[key].dtype) for key, value in state.items()})


def transfer(origin: torch.nn.Module, network: torch.nn.Module) -> list[str]:
    """Takes over every weight that has the same name and shape, and names the layers that have none."""
    theirs = origin.state_dict()
    ours = network.state_dict()
    fitting = {key: theirs[key] for key in ours if key in theirs and theirs[key].shape == ours[key].shape}
    network.load_state_dict({**ours, **fitting})
    return sorted({key.rsplit(".", 1)[0] for key in ours.keys() - fitting.keys()})


def _card(predictor: TorchPredictor) -> str:
    names = ", ".join(predictor.categories.names)
    return (
        "---\nlibrary_name: centernet\nlicense: apache-2.0\npipeline_tag: object-detection\n---\n\n"
        f"# {predictor.architecture.backbone}\n\nFinds: {names}.\n\n"
        "```python\nfrom centernet import CenterNet\n\n"
        'for detections in CenterNet("PATH").predict("image.jpg"):\n    print(detections)\n```\n'
    )
