"""Identification of network, task and classes of a checkpoint from its keys and shapes."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from centernet.conversion.original_tasks import ORIGINAL_TASKS, TRIPLET, UNSUPPORTED, Channels, OriginalTask
from centernet.conversion.weight_names import STEMS
from centernet.errors import InputError
from centernet.models.factory import Architecture

State = Mapping[str, Tensor]
"""Weights by the original's keys."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of networks of the original, which name their layers in the same way.

    Attributes:
        name: Name of the family in `weight_names.our_key`.
        title: Name of the family in messages.
        prefixes: First parts of the keys of all layers but the heads.
        hidden: Key of the first convolution of a head; `{}` stands for the name of the head.
        last: Key of its last convolution.
    """

    name: str
    title: str
    prefixes: Collection[str]
    hidden: str = "{}.0.weight"
    last: str = "{}.2.weight"


FAMILIES = (
    Family(
        name="resnet",
        title="a ResNet",
        prefixes=("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "deconv_layers"),
    ),
    Family(name="dla", title="a DLA", prefixes=("base", "dla_up", "ida_up")),
    Family(
        name="hourglass",
        title="an Hourglass",
        prefixes=("pre", "kps", "cnvs", "cnvs_", "inters", "inters_", *STEMS),
        hidden="{}.0.0.conv.weight",
        last="{}.0.1.weight",
    ),
)

DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
"""Depth of a ResNet by the blocks of its four stages, and True for bottleneck blocks."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Network and task of a checkpoint.

    Attributes:
        family: Family of networks, which decides the mapping of keys.
        architecture: The same network in this library.
        original_task: Task of the original.
        channels: Channels of each head by the original's name.
    """

    family: Family
    architecture: Architecture
    original_task: OriginalTask
    channels: Channels


def identify(state: State, source: str) -> Identified:
    """The network and the task that weights belong to.

    Args:
        state: Weights by keys without `module.`; only keys and shapes are used.
        source: Name of the file in messages.

    Raises:
        InputError: The weights are those of another program or of several networks, or of a task or an option
            that is not supported.
    """
    prefixes = dict.fromkeys(key.partition(".")[0] for key in state)
    for head, detector in UNSUPPORTED.items():
        if head in prefixes and TRIPLET.marker not in prefixes:
            raise InputError(
                f"{source} is a checkpoint of {detector} (its head {head!r}): no task here decodes it, so "
                "use the original program, or a checkpoint of either CenterNet"
            )
    family = _family(state, prefixes, source)
    heads = [prefix for prefix in prefixes if prefix not in family.prefixes]
    original_task = next((task for task in ORIGINAL_TASKS if task.marker in heads), None)
    if original_task is None:
        raise InputError(
            f"{source} has the backbone of {family.title}, but no head 'hm': it is no original detector"
        )
    channels = {
        head: _channels(state, family.last.format(head), source)
        for head in heads
        if head in original_task.heads
    }
    if problem := original_task.problem(channels):
        raise InputError(f"{source} is a {original_task.original} checkpoint, but {problem}")
    return Identified(
        family=family,
        architecture=Architecture(
            backbone=_BACKBONES[family.name](state, source),
            head_channels=_channels(state, family.hidden.format(original_task.class_head), source),
        ),
        original_task=original_task,
        channels=channels,
    )


def _family(state: State, prefixes: Collection[str], source: str) -> Family:
    first_prefix = {
        family: next((prefix for prefix in prefixes if prefix in family.prefixes), None)
        for family in FAMILIES
    }
    present = [(family, prefix) for family, prefix in first_prefix.items() if prefix is not None]
    if not present:
        raise InputError(
            f"{source} is no checkpoint of the original CenterNet: {next(iter(state))!r} is a key of none of "
            "its networks"
        )
    if len(present) > 1:
        keys = " and ".join(f"{_first(state, prefix)!r} of {family.title}" for family, prefix in present)
        raise InputError(f"{source} is a mix of networks: it holds {keys}")
    return present[0][0]


def _first(state: State, prefix: str) -> str:
    return next(key for key in state if key.partition(".")[0] == prefix)


def _channels(state: State, key: str, source: str) -> int:
    """Output channels of a convolution."""
    if key not in state:
        head = key.partition(".")[0]
        if f"{head}.weight" in state:
            raise InputError(
                f"{source}: the head {head!r} is a single convolution (--head_conv 0); heads here have two, "
                "so train it without that option"
            )
        raise InputError(f"{source} lacks {key!r}")
    shape = tuple(state[key].shape)
    if len(shape) != 4 or 0 in shape:
        raise InputError(f"{source}: {key!r} has shape {shape}, which is not that of a convolution")
    return shape[0]


def _resnet(state: State, source: str) -> str:
    matches = [match for key in state if (match := re.match(r"layer([1-4])\.(\d+)\.", key))]
    blocks = tuple(1 + max((int(m[2]) for m in matches if m[1] == stage), default=-1) for stage in "1234")
    is_bottleneck = "layer1.0.conv3.weight" in state
    if (blocks, is_bottleneck) not in DEPTHS:
        kind = "bottleneck" if is_bottleneck else "basic"
        raise InputError(
            f"{source}: a ResNet of {', '.join(map(str, blocks))} {kind} blocks is none of "
            f"{', '.join(map(str, DEPTHS.values()))} layers"
        )
    return f"resnet{DEPTHS[blocks, is_bottleneck]}{_deformable(state)}"


def _dla(state: State, source: str) -> str:
    del source
    return f"dla34{_deformable(state)}"


def _hourglass(state: State, source: str) -> str:
    del source
    return "hourglass104" if any(key.startswith("kps.1.") for key in state) else "hourglass52"


def _deformable(state: State) -> str:
    return "-dcn" if any(".conv_offset_mask." in key for key in state) else ""


_BACKBONES = {"resnet": _resnet, "dla": _dla, "hourglass": _hourglass}
