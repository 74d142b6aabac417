"""Weights on disk: a folder of `config.json`, `model.safetensors` and `README.md`, or one file alone."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from centernet.configs import RULES, build, categories_of, rule_of, settings_of
from centernet.errors import InputError, UsageError
from centernet.habits import did_you_mean
from centernet.models.factory import Architecture
from centernet.models.normalize import Normalize
from centernet.predictor import Predictor
from centernet.protocols import Task
from centernet.recipes import RECIPES
from centernet.structures import Categories
from centernet.tasks.detect import Detect
from centernet.tasks.layered import Layered
from centernet.tasks.mono3d import Mono3D
from centernet.tasks.pose import Pose
from centernet.tasks.raw import RawMaps
from centernet.tasks.triplet import Triplet
from centernet.zoo import CONFIG, MODEL, ZOO, names

TASKS: dict[str, type] = {
    "detect": Detect,
    "pose": Pose,
    "mono3d": Mono3D,
    "triplet": Triplet,
    "raw": RawMaps,
    "layered": Layered,
}
"""Tasks by the name in `config.json`."""

CARD = "README.md"

_PLACES = (MODEL, "weights/best.safetensors", "weights/last.safetensors")
"""Where weights lie in a folder, of weights or of a run."""


def save(predictor: Predictor, folder: str | Path, *, card: str = "", half: bool = False) -> Path:
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
    write_whole(folder / CONFIG, (json.dumps(config_of(predictor), indent=2) + "\n").encode())
    write_whole(folder / CARD, (card or _card(predictor)).encode())
    return folder


def save_file(predictor: Predictor, path: Path, *, half: bool = False) -> None:
    """Writes one `.safetensors` file that holds the config in its metadata."""
    from safetensors.torch import save as to_bytes

    state = {
        # safetensors refuses channels-last tensors, and counters have no half.
        key: (value.half() if half and value.is_floating_point() else value).contiguous().cpu()
        for key, value in predictor.network.state_dict().items()
    }
    write_whole(path, to_bytes(state, metadata={"centernet": json.dumps(config_of(predictor))}))


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, or a run that is killed here, finds the old one or the new one."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose another folder or make room"
        ) from error


def lie_in(path: Path) -> bool:
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


def load(name: str | Path, device: str | torch.device = "cpu") -> Predictor:
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


def fetch(name: str | Path) -> str | Path:
    """The name itself or, for `hf://owner/name`, the folder that was fetched from the Hugging Face hub.

    Raises:
        InputError: The hub cannot be reached, or has no such repository.
    """
    if not str(name).startswith("hf://"):
        return name
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    repository = str(name).removeprefix("hf://")
    try:
        return snapshot_download(repository, allow_patterns=[CONFIG, MODEL, CARD])
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot fetch {repository!r} from the hub ({reason})") from error


def push(predictor: Predictor, repository: str, *, private: bool, token: str | None) -> str:
    """Writes the weights folder to a repository on the Hugging Face hub, and says its address."""
    from huggingface_hub import HfApi

    hub = HfApi(token=token)
    with TemporaryDirectory() as folder:
        save(predictor, folder)
        hub.create_repo(repository, private=private, exist_ok=True)
        return str(hub.upload_folder(repo_id=repository, folder_path=folder))


def config_of(predictor: Predictor) -> dict[str, Any]:
    """What `config.json` says."""
    return {
        "library": "centernet",
        "version": version("centernet"),
        "architecture": asdict(predictor.architecture),
        "task": _config_of_task(predictor.task),
        "categories": _config_of_categories(predictor.categories),
        "resize": {"name": _name_of(predictor.rule, RULES), **asdict(predictor.rule)},
        "normalize": asdict(predictor.normalize),
    }


def _config_of_task(task: Any) -> dict[str, Any]:
    """Its name and settings; a task inside it is said in the same way."""
    settings = {item.name: getattr(task, item.name) for item in fields(task)}
    if "inner" in settings:
        settings["inner"] = _config_of_task(settings["inner"])
    return {"name": _name_of(task, TASKS), **settings}


def task_of(entry: Mapping[str, Any]) -> Task:
    """What maps mean, from the part `task` of a config."""
    inner = {"inner": task_of(entry["inner"])} if "inner" in entry else {}
    task: Task = build(TASKS, {**entry, **inner})
    return task


def predictor_of(config: Mapping[str, Any]) -> Predictor:
    """The predictor of a config, with random weights."""
    architecture = Architecture(**config["architecture"])
    task = task_of(config["task"])
    return Predictor(
        network=architecture.build(task.heads),
        task=task,
        categories=categories_of(config["categories"]),
        rule=rule_of(config["resize"]),
        normalize=Normalize(**settings_of(config["normalize"])),
        architecture=architecture,
    )


def _config_of_categories(categories: Categories) -> dict[str, Any]:
    entry: dict[str, Any] = {"names": list(categories.names), "ids": list(categories.ids)}
    if categories.skeletons:
        entry["skeletons"] = [skeleton and asdict(skeleton) for skeleton in categories.skeletons]
    return entry


def _name_of(thing: object, kinds: Mapping[str, type]) -> str:
    """The name in `config.json`; of a class from outside its own, which says where to look for it."""
    kind = type(thing)
    return next((name for name, ours in kinds.items() if kind is ours), f"{kind.__module__}.{kind.__name__}")


def _card(predictor: Predictor) -> str:
    names = ", ".join(predictor.categories.names)
    return (
        "---\nlibrary_name: centernet\nlicense: apache-2.0\npipeline_tag: object-detection\n---\n\n"
        f"# {predictor.architecture.backbone}\n\nFinds: {names}.\n\n"
        "```python\nfrom centernet import CenterNet\n\n"
        'for detections in CenterNet("PATH").predict("image.jpg"):\n    print(detections)\n```\n'
    )
