"""Whether a run can go on: with the data that it was begun with, and with what is left of its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from centernet.errors import InputError
from centernet.inference.predictor import TorchPredictor
from centernet.structures import Categories
from centernet.training.checkpoints import advice, read_checkpoint
from centernet.weights import files

STATE_KEY = "RunFolder"
"""Where a checkpoint holds the state of `RunLog`, also in runs of earlier versions."""

Classes = list[tuple[str, list[str]]]
"""The name of each class, and of each of its keypoints."""

_MAX_LETTERS = 80
"""A list of names that is longer is given by its number and its first difference."""


def classes_of(categories: Categories) -> Classes:
    """The classes of a data set as a checkpoint holds them."""
    skeletons = categories.skeletons or (None,) * len(categories)
    return [
        (name, list(skeleton.names) if skeleton else [])
        for name, skeleton in zip(categories.names, skeletons, strict=True)
    ]


def check_same_data(folder: Path, data: str, task: str, categories: Categories) -> None:
    """Checks that a data set has the classes and keypoints that the run was begun with.

    Args:
        folder: The run folder, with a checkpoint.
        data: Name of the data set, for messages.
        task: Task of the run, as its settings have it.
        categories: Classes of the data set, of those tasks that learn keypoints with them.

    Raises:
        InputError: They differ; weights that learned one class would count as another.
    """
    state = _state_of(folder)
    instead = f": to go on from its weights, train model={folder} data={data}"
    if (begun := state.get("task", task)) != task:
        raise InputError(f"{folder} has task={task} in its settings, the run was begun with {begun}{instead}")
    then = _begun_with(folder, state)
    if then is None:
        return
    now = classes_of(categories)
    if difference := _difference("classes", [name for name, _ in now], [name for name, _ in then]):
        raise InputError(f"{data} {difference}{instead}")
    for (name, keypoints), (_, keypoints_then) in zip(now, then, strict=True):
        if difference := _difference(f"keypoints of {name}", keypoints, keypoints_then):
            raise InputError(f"{data} {difference}{instead}")


def restore_weights(folder: Path, predictor: TorchPredictor) -> None:
    """Writes the weights of the checkpoint where a run folder has lost its weights.

    Args:
        folder: The run folder, with a checkpoint.
        predictor: The predictor of the run; its network gets these weights.

    Raises:
        InputError: The checkpoint does not fit the network.
    """
    if files.has_weights(folder):
        return
    path = folder / "last.ckpt"
    prefix = "network."
    state = {
        key.removeprefix(prefix): value
        for key, value in read_checkpoint(path)["state_dict"].items()
        if isinstance(key, str) and key.startswith(prefix)
    }
    if other := [key for key, value in state.items() if not isinstance(value, torch.Tensor)]:
        raise does_not_fit(path, TypeError(f"{other[0]} is no weight"))
    files.fill(predictor.network, state, str(path))
    files.save_file(predictor, folder / "weights" / "last.safetensors")


def does_not_fit(path: Path, error: Exception) -> InputError:
    """The error of a checkpoint that the training could not take up."""
    reason = " ".join(str(error).split())[:80]
    return InputError(f"{path} does not fit this run ({type(error).__name__}: {reason}): {advice(path)}")


def _state_of(folder: Path) -> Mapping[str, Any]:
    callbacks = read_checkpoint(folder / "last.ckpt").get("callbacks")
    state = callbacks.get(STATE_KEY) if isinstance(callbacks, dict) else None
    return state if isinstance(state, dict) else {}


def _begun_with(folder: Path, state: Mapping[str, Any]) -> Classes | None:
    """The classes of a run; None if nothing tells: earlier versions did not keep them in the checkpoint."""
    if "classes" in state:
        try:
            return [
                (str(name), [str(keypoint) for keypoint in keypoints]) for name, keypoints in state["classes"]
            ]
        except (TypeError, ValueError) as error:
            raise does_not_fit(folder / "last.ckpt", error) from error
    for name in ("last", "best"):
        path = folder / "weights" / f"{name}.safetensors"
        if path.is_file():
            return classes_of(files.load(path).categories)
    return None


def _difference(what: str, now: Sequence[str], then: Sequence[str]) -> str:
    """How two lists of names differ, in a few words; empty if they do not."""
    if list(now) == list(then):
        return ""
    texts = [", ".join(names) or "none" for names in (now, then)]
    if max(map(len, texts)) <= _MAX_LETTERS:
        return f"has {what} {texts[0]} now, the run was begun with {texts[1]}"
    first = next(
        (place for place, (one, other) in enumerate(zip(now, then, strict=False)) if one != other),
        min(len(now), len(then)),
    )
    one, other = (repr(names[first]) if first < len(names) else "none" for names in (now, then))
    return (
        f"has {len(now)} {what} now, the run was begun with {len(then)}; the first that differs is number "
        f"{first + 1}, {one} now and {other} then"
    )
