"""Mapping of the original's weight keys to those of this library.

The originals' networks are those of `create_model` in xingyizhou/CenterNet and those in
Duankaiwen/CenterNet.
"""

import re

HEADS = {
    "hm": "heatmap",
    "wh": "size",
    "reg": "offset",
    "hps": "keypoints",
    "hm_hp": "keypoint_heatmap",
    "hp_offset": "keypoint_offset",
    "dep": "depth",
    "dim": "size3d",
    "rot": "heading",
    "tl_heats": "top_left_heatmap",
    "br_heats": "bottom_right_heatmap",
    "ct_heats": "center_heatmap",
    "tl_tags": "top_left_tag",
    "br_tags": "bottom_right_tag",
    "tl_regrs": "top_left_offset",
    "br_regrs": "bottom_right_offset",
    "ct_regrs": "center_offset",
}
"""Names of the maps here by the original's heads."""

STEMS = {"tl_cnvs": "top_left", "br_cnvs": "bottom_right", "ct_cnvs": "center"}
"""Names of the stems here by the pooling layers of the original keypoint triplets."""

DEAD = re.compile(r"base\.(fc|level[34]\.project)\.")
"""Unused weights of DLA: a classifier, and two shortcuts that are computed twice."""

_Rules = list[tuple[str, str]]
"""Patterns and their replacements, applied in order."""

_RESNET: _Rules = [
    (r"^deconv_layers\.", "neck."),
    (r"^(?!neck\.)", "encoder."),
]
_DLA: _Rules = [
    (r"^base\.", "encoder."),
    (r"^dla_up\.ida_(\d)\.", r"neck.steps.\1."),
    (r"^ida_up\.", "last."),
    # The finest level has no layers, so the original counts from 1.
    *(
        (rf"\b{original}_{i + 1}\.", f"{name}.{i}.")
        for original, name in (("proj", "project"), ("up", "up"), ("node", "node"))
        for i in range(3)
    ),
    (r"\b(project|node)\.(\d)\.conv\.", r"\1.\2.0."),
    (r"\.actf\.0\.", ".1."),
]
_HOURGLASS: _Rules = [
    (r"^pre\.0\.conv\.", "stem.0.0."),
    (r"^pre\.0\.bn\.", "stem.0.1."),
    (r"^pre\.1\.", "stem.1."),
    (r"^kps\.", "hourglass."),
    (r"^cnvs\.(\d)\.conv\.", r"after.\1.0."),
    (r"^cnvs\.(\d)\.bn\.", r"after.\1.1."),
    (r"^inters_\.", "bring_input."),
    (r"^cnvs_\.", "bring_features."),
    (r"^inters\.", "between."),
    (r"\bup1\.", "keep."),
    (r"\blow1\.", "down."),
    (r"\blow2\.", "inner."),
    (r"\blow3\.", "back."),
]
_POOLING = {
    "p1_conv1.conv": "vertical.0",
    "p1_conv1.bn": "vertical.1",
    "look_conv1.conv": "vertical_cascade.look.0",
    "look_conv1.bn": "vertical_cascade.look.1",
    "P1_look_conv": "vertical_cascade.mix",
    "p2_conv1.conv": "horizontal.0",
    "p2_conv1.bn": "horizontal.1",
    "look_conv2.conv": "horizontal_cascade.look.0",
    "look_conv2.bn": "horizontal_cascade.look.1",
    "P2_look_conv": "horizontal_cascade.mix",
    "p_conv1": "merge.pooled.0",
    "p_bn1": "merge.pooled.1",
    "conv1": "merge.skip.0",
    "bn1": "merge.skip.1",
    "conv2.conv": "merge.last.0",
    "conv2.bn": "merge.last.1",
}
"""Layers of corner and centre pooling by the original's names."""

_RULES = {"resnet": _RESNET, "dla": _DLA, "hourglass": _HOURGLASS}

_HOURGLASS_HEAD_LAYERS = {"0.conv": "0", "1": "2"}


def our_key(family: str, key: str) -> str | None:
    """The key of a weight here, or None if the weight is not used.

    Args:
        family: `resnet`, `dla` or `hourglass`.
        key: Key in the original checkpoint, without `module.`.
    """
    head, _, rest = key.partition(".")
    if head in HEADS:
        return f"heads.{_head_key(family, rest, HEADS[head])}"
    if head in STEMS:
        stack, _, rest = rest.partition(".")
        return f"stems.{stack}.{STEMS[head]}.{pooling_key(rest)}"
    if DEAD.match(key):
        return None
    for pattern, replacement in _RULES[family]:
        key = re.sub(pattern, replacement, key)
    return f"backbone.{key.replace('conv_offset_mask', 'offset_mask')}"


def pooling_key(key: str) -> str:
    """The key of a weight within a pooling layer of keypoint triplets; unknown keys are kept."""
    layer, _, leaf = key.rpartition(".")
    return f"{_POOLING.get(layer, layer)}.{leaf}"


def _head_key(family: str, rest: str, head: str) -> str:
    if family != "hourglass":
        return f"0.{head}.{rest}"
    stack, _, rest = rest.partition(".")
    layer, _, leaf = rest.rpartition(".")
    return f"{stack}.{head}.{_HOURGLASS_HEAD_LAYERS.get(layer, layer)}.{leaf}"
