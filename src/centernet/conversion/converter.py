"""Conversion of a checkpoint of an original program to a weights folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from centernet.conversion.checkpoint import read
from centernet.conversion.dataset_presets import DatasetPreset
from centernet.conversion.identify import Identified, State, identify
from centernet.conversion.original_tasks import OriginalTask, next_step
from centernet.conversion.weight_names import our_key
from centernet.errors import InputError, UsageError, check_bounds
from centernet.inference.predictor import TorchPredictor
from centernet.io.guest import guest
from centernet.io.writing import writing
from centernet.models.network import Network
from centernet.weights import files as weights
from centernet.weights.zoo import CONFIG, MODEL

COUNTER = ".num_batches_tracked"
"""End of the keys of counters, which PyTorch before 0.4.1 did not have and inference does not use."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A converted checkpoint.

    Attributes:
        predictor: Network with the weights, task, classes and preprocessing.
        original_task: Task of the original program.
        preset: Data set of the original whose preprocessing is used.
        left_out: The original's keys of unused weights.
    """

    predictor: TorchPredictor
    original_task: OriginalTask
    preset: DatasetPreset
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Summary of a conversion.

    Attributes:
        folder: The weights folder.
        architecture: Backbone, such as `dla34-dcn`.
        task: `detect`, `pose`, `mono3d` or `triplet`.
        names: Class names.
        data: Data set whose preprocessing is used with the weights.
        num_parameters: Parameters of the network.
        left_out: Layers of the original whose weights are not used, and were left out.
        next_step: Command, or Python code, that uses the weights.
    """

    folder: Path
    architecture: str
    task: str
    names: tuple[str, ...]
    data: str
    num_parameters: int
    left_out: tuple[str, ...]
    next_step: str

    def __str__(self) -> str:
        lines = [
            f"{self.architecture}, {self.task}, {self.num_parameters / 1e6:.2f} M parameters: {self.folder}",
            f"{_count(len(self.names), 'class', 'classes')} ({self.data}): {_abbreviated(self.names)}",
        ]
        if self.left_out:
            lines.append(f"left out, since the network does not use them: {', '.join(self.left_out)}")
        return "\n".join([*lines, f"next: {self.next_step}"])

    def to_json(self) -> dict[str, Any]:
        """The summary as values that JSON can hold."""
        return {
            "folder": str(self.folder),
            "architecture": self.architecture,
            "task": self.task,
            "names": list(self.names),
            "data": self.data,
            "num_parameters": self.num_parameters,
            "left_out": list(self.left_out),
            "next": self.next_step,
        }


@guest
def convert(
    model: str | Path,
    output: str | Path,
    *,
    names: Sequence[str] | None = None,
    imgsz: int | None = None,
    half: bool = False,
    exist_ok: bool = False,
) -> Conversion:
    """Converts a checkpoint of either original program, both called CenterNet, to a weights folder.

    Network, task and number of classes are identified from keys and shapes. No code in the file is executed,
    and the folder is written completely or not at all. The weights predict as in the original; without a head
    that their task needs, they give raw maps.

    Args:
        model: The checkpoint file.
        output: The folder to write.
        names: Class names, for weights trained on your own data.
        imgsz: Side of the input, for weights not trained with the original's default (`--input_res`).
        half: Store weights in 16 bits.
        exist_ok: Replace weights that are in the folder already.

    Raises:
        InputError: The file is no complete checkpoint of an original program, or its task or one of its
            options is not supported. The message names the file, and the key if there is one.
        UsageError: The number of names or the side is wrong, or the folder holds other files.
    """
    check_bounds(imgsz=imgsz)
    source, output = Path(model), Path(output)
    _check_folder(output, exist_ok=exist_ok)
    result = converted(read(source), str(source), names=tuple(names or ()), imgsz=imgsz)
    predictor = result.predictor
    conversion = Conversion(
        folder=output,
        architecture=predictor.architecture.backbone,
        task=result.original_task.name,
        names=predictor.categories.names,
        data=result.preset.name,
        num_parameters=sum(parameter.numel() for parameter in predictor.network.parameters()),
        left_out=tuple(dict.fromkeys(key.rpartition(".")[0] for key in result.left_out)),
        next_step=next_step(predictor.task, str(output)),
    )
    _write(predictor, output, _card(conversion, result, source), half=half)
    return conversion


def converted(
    state: State, source: str, *, names: tuple[str, ...] = (), imgsz: int | None = None
) -> Converted:
    """A predictor with the weights of an original program; the tensors may be on the `meta` device.

    Args:
        state: Weights by the original's keys, without `module.`.
        source: Name of the file in messages.
        names: As in `convert`.
        imgsz: As in `convert`.

    Raises:
        InputError: As in `convert`.
        UsageError: As in `convert`.
    """
    identified = identify(state, source)
    original_task = identified.original_task
    num_classes = identified.channels[original_task.class_head]
    if names and len(names) != num_classes:
        classes = _count(num_classes, "class", "classes")
        raise UsageError(f"there are {_count(len(names), 'name')} in names, but {source} has {classes}")
    preset = original_task.preset(identified.channels, names)
    task = original_task.task(identified.channels, preset.categories)
    with torch.device("meta"):
        network = identified.architecture.build(task.heads)
    left_out = _load(network, state, identified, source)
    if imgsz is not None and (imgsz < 1 or imgsz % network.backbone.divisor):
        raise UsageError(f"imgsz={imgsz} must be a multiple of {network.backbone.divisor} for this network")
    predictor = TorchPredictor(
        network=network.eval(),
        task=task,
        categories=preset.categories,
        rule=preset.rule_for(imgsz) if imgsz else preset.rule,
        normalize=preset.normalize,
        architecture=identified.architecture,
    )
    return Converted(predictor=predictor, original_task=original_task, preset=preset, left_out=left_out)


def _load(network: Network, state: State, identified: Identified, source: str) -> tuple[str, ...]:
    """Loads every weight under its new key; returns the original's keys of unused weights."""
    expected = network.state_dict()
    converted_state: dict[str, Tensor] = {}
    left_out = []
    for key, value in state.items():
        is_known = key.partition(".")[0] in (*identified.family.prefixes, *identified.channels)
        new_key = our_key(identified.family.name, key) if is_known else ""
        if new_key is None:
            left_out.append(key)
            continue
        if new_key not in expected or new_key in converted_state:
            name = f"{identified.architecture.backbone} for {identified.original_task.original}"
            raise InputError(f"{source} holds {key!r}, which is no weight of {name}")
        if value.shape != expected[new_key].shape:
            shape, expected_shape = tuple(value.shape), tuple(expected[new_key].shape)
            raise InputError(f"{source}: {key!r} has shape {shape}, but the network has {expected_shape}")
        converted_state[new_key] = value.to(expected[new_key].dtype)
    if not any(key.endswith(COUNTER) for key in state):
        zero = torch.zeros((), dtype=torch.int64)
        converted_state |= {key: zero.clone() for key in expected if key.endswith(COUNTER)}
    for key in expected:
        if key not in converted_state:
            raise InputError(f"{source} lacks {_original_key(key, identified, state)!r}")
    network.load_state_dict(converted_state, assign=True)
    return tuple(left_out)


def _original_key(missing: str, identified: Identified, state: State) -> str:
    """The original's key of a missing weight, inferred from the keys of similar weights."""
    family, parts = identified.family.name, missing.split(".")
    new_keys = {key: new_key.split(".") for key in state if (new_key := our_key(family, key)) is not None}
    before = max(new_keys, key=lambda key: _common_parts(new_keys[key], parts)).split(".")
    after = max(new_keys, key=lambda key: _common_parts(new_keys[key][::-1], parts[::-1])).split(".")
    candidates = (
        [*before[:stop], *end[start:]]
        for end in (after, parts)
        for stop in reversed(range(len(before)))
        for start in range(len(end))
    )
    prefixes = {*identified.family.prefixes, *identified.channels}
    keys = (".".join(key) for key in candidates if key[0] in prefixes)
    return next((key for key in keys if our_key(family, key) == missing), missing)


def _common_parts(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the common prefix of two sequences."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _check_folder(folder: Path, *, exist_ok: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output={folder} is a file: name a folder")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / CONFIG).is_file() or not (folder / MODEL).is_file():
        raise UsageError(f"output={folder} holds other files than weights: name a new folder")
    if not exist_ok:
        raise UsageError(f"output={folder} holds weights: name a new folder, or add exist_ok=true")


def _write(predictor: TorchPredictor, folder: Path, card: str, *, half: bool) -> None:
    """Writes the folder under a temporary name first, so that a failure leaves nothing behind."""
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            written = weights.save(predictor, Path(temporary) / "weights", card=card, half=half)
            if not folder.is_dir():
                written.rename(folder)
                return
            for path in written.iterdir():
                path.replace(folder / path.name)


def _card(conversion: Conversion, result: Converted, source: Path) -> str:
    predictor, original_task = result.predictor, result.original_task
    order = "BGR" if predictor.normalize.bgr else "RGB"
    rows: Mapping[str, str] = {
        "network": f"{conversion.architecture}, {conversion.num_parameters / 1e6:.2f} M parameters",
        "task": f"{conversion.task} (`{original_task.original}` of the original)",
        "maps": ", ".join(f"{name} {spec.channels}" for name, spec in predictor.task.heads.items()),
        "classes": f"{len(conversion.names)}: {', '.join(conversion.names)}",
        "data": conversion.data,
        "input": f"{predictor.rule}, {order}, mean {predictor.normalize.mean}, std {predictor.normalize.std}",
        "left out": ", ".join(f"`{key}`" for key in result.left_out) or "nothing",
    }
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    return (
        f"---\nlibrary_name: centernet\npipeline_tag: {original_task.pipeline_tag}\n---\n\n"
        f"# {conversion.folder.name}\n\n"
        f"Converted from `{source.name}`, a checkpoint of the original program of {original_task.paper}. "
        "Their licence is that of the original weights.\n\n"
        f"Usage: `{next_step(predictor.task, 'PATH')}`\n\n| | |\n|---|---|\n{table}\n\n"
        "Network, task and number of classes were identified from keys and shapes; data set and input are "
        "the defaults of the original. Weights that are left out are not used by the network.\n"
    )


def _count(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def _abbreviated(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, ..., {names[-1]}"
