"""From a checkpoint of the original to a weights folder of ours."""

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
from centernet.errors import InputError, UsageError
from centernet.inference.predictor import TorchPredictor
from centernet.io.writing import writing
from centernet.models.network import Network
from centernet.weights import files as weights
from centernet.weights.zoo import CONFIG, MODEL

COUNTER = ".num_batches_tracked"
"""Ends the keys of counters that PyTorch before 0.4.1 did not have; they decide nothing."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A checkpoint of the original in our terms.

    Attributes:
        predictor: Network with the weights, task, classes and pre-processing.
        layout: The original's task.
        data: The data set it was trained on, as far as can be told.
        left_out: The original's keys of weights from which nothing is computed.
    """

    predictor: TorchPredictor
    layout: OriginalTask
    data: DatasetPreset
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What became of a checkpoint.

    Attributes:
        folder: Where the weights are.
        architecture: The network, `dla34-dcn`.
        task: `detect`, `pose`, `mono3d` or `triplet`.
        names: Classes.
        data: The data set whose pre-processing goes with the weights.
        num_parameters: Parameters of the network.
        left_out: Layers of the original from which nothing is computed, and which were left out.
        then: What can be done next.
    """

    folder: Path
    architecture: str
    task: str
    names: tuple[str, ...]
    data: str
    num_parameters: int
    left_out: tuple[str, ...]
    then: str

    def __str__(self) -> str:
        lines = [
            f"{self.architecture}, {self.task}, {self.num_parameters / 1e6:.2f} M parameters: {self.folder}",
            f"{_count(len(self.names), 'class', 'classes')} ({self.data}): {_shortened(self.names)}",
        ]
        if self.left_out:
            lines.append(f"left out, since nothing is computed from them: {', '.join(self.left_out)}")
        return "\n".join([*lines, f"next: {self.then}"])

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "folder": str(self.folder),
            "architecture": self.architecture,
            "task": self.task,
            "names": list(self.names),
            "data": self.data,
            "num_parameters": self.num_parameters,
            "left_out": list(self.left_out),
            "next": self.then,
        }


def convert(
    model: str | Path,
    output: str | Path,
    *,
    names: Sequence[str] | None = None,
    imgsz: int | None = None,
    half: bool = False,
    exist_ok: bool = False,
) -> Conversion:
    """Turns a checkpoint of either original program, both called CenterNet, into a weights folder.

    Network, task and number of classes are told from its keys and shapes. Nothing in the file is run, and a
    folder is written whole or not at all. Checkpoints of detection and poses predict as they did; those of
    3D boxes give their raw maps.

    Args:
        model: The checkpoint file.
        output: The folder to write.
        names: What the classes are called, where it was trained on your own data.
        imgsz: Side of the input, where it was not the original's default (`--input_res`).
        half: Store 16 bits a number.
        exist_ok: Write over the weights that are in the folder.

    Raises:
        InputError: The file is no whole checkpoint of the original, or one of a task or an option that there
            is not here; names the file, and the key where there is one.
        UsageError: The number of names or the side is wrong, or something else is in the folder.
    """
    source, output = Path(model), Path(output)
    _check_folder(output, exist_ok=exist_ok)
    found = converted(read(source), str(source), names=tuple(names or ()), imgsz=imgsz)
    predictor = found.predictor
    answer = Conversion(
        folder=output,
        architecture=predictor.architecture.backbone,
        task=found.layout.name,
        names=predictor.categories.names,
        data=found.data.name,
        num_parameters=sum(parameter.numel() for parameter in predictor.network.parameters()),
        left_out=tuple(dict.fromkeys(key.rpartition(".")[0] for key in found.left_out)),
        then=next_step(predictor.task, str(output)),
    )
    _write(predictor, output, _card(answer, found, source), half=half)
    return answer


def converted(
    state: State, source: str, *, names: tuple[str, ...] = (), imgsz: int | None = None
) -> Converted:
    """Weights of the original in our terms; tensors without memory (`meta`) will do.

    Args:
        state: Weights by the original's keys, without `module.`.
        source: What to call the file in messages.
        names: As `convert`.
        imgsz: As `convert`.

    Raises:
        InputError: As `convert`.
        UsageError: As `convert`.
    """
    known = identify(state, source)
    num_classes = known.channels[known.layout.classes]
    if names and len(names) != num_classes:
        classes = _count(num_classes, "class", "classes")
        raise UsageError(f"there are {_count(len(names), 'name')} in names, but {source} finds {classes}")
    data = known.layout.preset(known.channels, names)
    task = known.layout.task(known.channels, data.categories)
    with torch.device("meta"):
        network = known.architecture.build(task.heads)
    left_out = _fill(network, state, known, source)
    if imgsz is not None and (imgsz < 1 or imgsz % network.backbone.divisor):
        raise UsageError(f"imgsz={imgsz} must be a multiple of {network.backbone.divisor} for this network")
    predictor = TorchPredictor(
        network=network.eval(),
        task=task,
        categories=data.categories,
        rule=data.rule_for(imgsz) if imgsz else data.rule,
        normalize=data.normalize,
        architecture=known.architecture,
    )
    return Converted(predictor=predictor, layout=known.layout, data=data, left_out=left_out)


def _fill(network: Network, state: State, known: Identified, source: str) -> tuple[str, ...]:
    """Puts every weight where it belongs, and gives the keys of those that belong nowhere."""
    wanted = network.state_dict()
    ours: dict[str, Tensor] = {}
    left_out = []
    for key, value in state.items():
        is_theirs = key.partition(".")[0] in (*known.family.body, *known.channels)
        place = our_key(known.family.name, key) if is_theirs else ""
        if place is None:
            left_out.append(key)
            continue
        if place not in wanted or place in ours:
            network_name = f"{known.architecture.backbone} for {known.layout.original}"
            raise InputError(f"{source} holds {key!r}, which {network_name} has no place for")
        if value.shape != wanted[place].shape:
            came, fits = tuple(value.shape), tuple(wanted[place].shape)
            raise InputError(f"{source}: {key!r} has shape {came}, but the network wants {fits}")
        ours[place] = value.to(wanted[place].dtype)
    if not any(key.endswith(COUNTER) for key in state):
        zero = torch.zeros((), dtype=torch.int64)
        ours |= {place: zero.clone() for place in wanted if place.endswith(COUNTER)}
    for place in wanted:
        if place not in ours:
            raise InputError(f"{source} lacks {_their_key(place, known, state)!r}")
    network.load_state_dict(ours, assign=True)
    return tuple(left_out)


def _their_key(place: str, known: Identified, state: State) -> str:
    """The original's key of a weight that is not there, put together from those of its neighbours."""
    family, parts = known.family.name, place.split(".")
    places = {key: other.split(".") for key in state if (other := our_key(family, key)) is not None}
    before = max(places, key=lambda key: _shared(places[key], parts)).split(".")
    after = max(places, key=lambda key: _shared(places[key][::-1], parts[::-1])).split(".")
    candidates = (
        [*before[:stop], *end[start:]]
        for end in (after, parts)
        for stop in reversed(range(len(before)))
        for start in range(len(end))
    )
    words = {*known.family.body, *known.channels}
    fitting = (".".join(key) for key in candidates if key[0] in words)
    return next((key for key in fitting if our_key(family, key) == place), place)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts are the same from the start."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _check_folder(folder: Path, *, exist_ok: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output={folder} is a file: name a folder")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / CONFIG).is_file() or not (folder / MODEL).is_file():
        raise UsageError(f"output={folder} holds other things than weights: name a new folder")
    if not exist_ok:
        raise UsageError(f"output={folder} holds weights: name a new folder, or say exist_ok=true")


def _write(predictor: TorchPredictor, folder: Path, card: str, *, half: bool) -> None:
    """Writes the folder beside its place first, so that what fails leaves nothing behind."""
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as part:
            written = weights.save(predictor, Path(part) / "weights", card=card, half=half)
            if not folder.is_dir():
                written.rename(folder)
                return
            for path in written.iterdir():
                path.replace(folder / path.name)


def _card(answer: Conversion, found: Converted, source: Path) -> str:
    predictor = found.predictor
    order = "BGR" if predictor.normalize.bgr else "RGB"
    rows: Mapping[str, str] = {
        "network": f"{answer.architecture}, {answer.num_parameters / 1e6:.2f} M parameters",
        "task": f"{answer.task} (`{found.layout.original}` of the original)",
        "maps": ", ".join(f"{name} {spec.channels}" for name, spec in predictor.task.heads.items()),
        "classes": f"{len(answer.names)}: {', '.join(answer.names)}",
        "data": answer.data,
        "input": f"{predictor.rule}, {order}, mean {predictor.normalize.mean}, std {predictor.normalize.std}",
        "left out": ", ".join(f"`{key}`" for key in found.left_out) or "nothing",
    }
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    return (
        f"---\nlibrary_name: centernet\npipeline_tag: {found.layout.hub_tag}\n---\n\n"
        f"# {answer.folder.name}\n\n"
        f"Converted from `{source.name}`, a checkpoint of the original program of {found.layout.paper}. "
        "The terms of those weights are those of whoever trained them.\n\n"
        f"To go on: `{next_step(predictor.task, 'PATH')}`\n\n| | |\n|---|---|\n{table}\n\n"
        "Network, task and number of classes were told from keys and shapes; data set and input are what the "
        "original has for them. Weights that are left out are those from which nothing is computed.\n"
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, ..., {names[-1]}"
