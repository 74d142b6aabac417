"""What a checkpoint of the original is, told from its keys and shapes alone."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from centernet.conversion.original_tasks import ORIGINAL_TASKS, REFUSED, TRIPLET, Channels, OriginalTask
from centernet.conversion.weight_names import STEMS
from centernet.errors import InputError
from centernet.models.factory import Architecture

State = Mapping[str, Tensor]
"""Weights by the original's keys."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Networks of one code file of the original.

    Attributes:
        name: What `names.our_key` calls it.
        called: What people call it.
        body: First words of the keys of everything but the heads.
        hidden: The key of a head's first convolution, with the place of the head's name left open.
        last: The key of its last.
    """

    name: str
    called: str
    body: Collection[str]
    hidden: str = "{}.0.weight"
    last: str = "{}.2.weight"


FAMILIES = (
    Family(
        name="resnet",
        called="a ResNet",
        body=("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "deconv_layers"),
    ),
    Family(name="dla", called="a DLA", body=("base", "dla_up", "ida_up")),
    Family(
        name="hourglass",
        called="an Hourglass",
        body=("pre", "kps", "cnvs", "cnvs_", "inters", "inters_", *STEMS),
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
"""Layers of a ResNet by the blocks in its four parts, and whether they are bottlenecks."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """What a checkpoint is.

    Attributes:
        family: Which mapping of keys holds.
        architecture: The network of ours.
        layout: The task.
        channels: Channels of each head by the original's name.
    """

    family: Family
    architecture: Architecture
    layout: OriginalTask
    channels: Channels


def identify(state: State, source: str) -> Identified:
    """What these weights are.

    Args:
        state: Keys without `module.`; only keys and shapes are looked at.
        source: What to call the file in messages.

    Raises:
        InputError: They are another program's, of several networks, or of a task or an option that there is
            not here.
    """
    words = dict.fromkeys(key.partition(".")[0] for key in state)
    for head, detector in REFUSED.items():
        if head in words and TRIPLET.marker not in words:
            raise InputError(
                f"{source} is a checkpoint of {detector} (its head {head!r}): no task here decodes it, so "
                "use the original program, or a checkpoint of either CenterNet"
            )
    family = _family(state, words, source)
    heads = [word for word in words if word not in family.body]
    layout = next((layout for layout in ORIGINAL_TASKS if layout.marker in heads), None)
    if layout is None:
        raise InputError(
            f"{source} has the body of {family.called}, but no head 'hm': it is no detector of the original"
        )
    channels = {
        head: _channels(state, family.last.format(head), source) for head in heads if head in layout.heads
    }
    if complaint := layout.complaint(channels):
        raise InputError(f"{source} is a {layout.original} checkpoint, but {complaint}")
    return Identified(
        family=family,
        architecture=Architecture(
            backbone=_BACKBONES[family.name](state, source),
            head_channels=_channels(state, family.hidden.format(layout.classes), source),
        ),
        layout=layout,
        channels=channels,
    )


def _family(state: State, words: Collection[str], source: str) -> Family:
    found = {family: next((word for word in words if word in family.body), None) for family in FAMILIES}
    present = [(family, word) for family, word in found.items() if word is not None]
    if not present:
        raise InputError(
            f"{source} is no checkpoint of the original CenterNet: {next(iter(state))!r} is a key of none of "
            "its networks"
        )
    if len(present) > 1:
        parts = " and ".join(f"{_first(state, word)!r} of {family.called}" for family, word in present)
        raise InputError(f"{source} is a mix of networks: it holds {parts}")
    return present[0][0]


def _first(state: State, word: str) -> str:
    return next(key for key in state if key.partition(".")[0] == word)


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
    found = [match for key in state if (match := re.match(r"layer([1-4])\.(\d+)\.", key))]
    blocks = tuple(1 + max((int(m[2]) for m in found if m[1] == part), default=-1) for part in "1234")
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
