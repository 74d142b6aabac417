"""Hints for settings under the names that other detectors give them: what to type here instead."""

from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import Any, ParamSpec, TypeVar, get_args

from centernet.errors import UsageError

_SIMILAR = 0.7
"""Similarity of a word and the choice that is meant, 0 to 1: `serve` is 0.6 of `score`."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_NO_NMS = (
    "peaks are objects, so no overlapping boxes need be suppressed; predict and val take nms=hard iou=0.5"
)
_RANDOM_CROP = "crops of random size and place: scale_min=0.6, scale_max=1.3, random_crop=true"
_COLORS = "color=0.4 is the strength of the whole colour jitter"
_BOX_LOSS = "the box has size_weight=0.1 and giou_weight=2"

_ANY_SIZE = "exported files take any number of images, and sides of any multiple of the network's"
_LOOP = "predict yields one image after the other: write a loop over it"

_SPLITS = "training takes the splits called train and val; val_split=0.2 is for data without val"
_OF_MODEL = "the model has it: CenterNet(model, device=0) in Python, where it is auto here"
_IS_MODEL = "here it is model="

HINTS_OF_COMMANDS = {
    ("predict", "classes"): "in Python found[found.labels == 0] keeps those of the first class",
    ("predict", "device"): _OF_MODEL,
    ("predict", "save"): 'found.save("out.png") of each result; the command line always writes images',
    ("predict", "save_conf"): "save_json=FILE writes scores, too",
    ("predict", "save_crop"): "crops=true on the command line, found.crops() in Python",
    ("predict", "save_dir"): "project=FOLDER name=NAME on the command line, found.save(...) in Python",
    ("predict", "weights"): _IS_MODEL,
    ("val", "device"): _OF_MODEL,
    ("val", "plots"): "save_dir=FOLDER writes curves, tables and images",
    ("val", "weights"): _IS_MODEL,
    ("train", "split"): _SPLITS,
    ("train", "splits"): _SPLITS,
    ("train", "weights"): "model= continues to train weights, start= copies what fits another network",
}
"""Hints by command and key, for what holds for one command only."""

HINTS = {
    "agnostic_nms": "predict and val take class_agnostic=true, which keeps the best class of each peak",
    "amp": "precision=bf16, or precision=32; auto takes the faster one for the hardware",
    "augment": "predict and val take flip=true, and scales=0.75,1,1.25",
    "batch": _ANY_SIZE,
    "batch_size": "here it is batch=16",
    "box": _BOX_LOSS,
    "class_weights": "classes have no weights of their own; annotate more objects of the rare ones",
    "classes": "found[found.labels == 0] keeps those of the first class",
    "close_mosaic": "here it is plain_epochs=10",
    "cos_lr": "here it is schedule=cosine",
    "conf_thres": "here it is conf=0.3, by default the score of best F1",
    "deterministic": "seed=0 decides everything random",
    "device": "exported files run on the CPU",
    "dfl": "box_bins=17 with sides_weight=0.5 predicts sides as distributions",
    "dynamic": _ANY_SIZE,
    "erasing": "copy_paste=0.3 pastes objects of other images; nothing is erased",
    "fix_res": "predict and val take resize=fit",
    "fliplr": "here it is flip=0.5",
    "flipud": "here it is flip_vertical=0.5",
    "fraction": "all images are used; minutes=15 limits the time",
    "freeze_bn": "here it is freeze=bn",
    "freeze_encoder": "here it is freeze=encoder",
    "hsv_h": _COLORS,
    "hsv_s": _COLORS,
    "hsv_v": _COLORS,
    "image_size": "here it is imgsz=640",
    "imgsz": _ANY_SIZE,
    "iou": _NO_NMS,
    "keep_res": "predict and val take resize=keep",
    "kobj": "here it is keypoint_heatmap_weight=1",
    "learning_rate": "here it is lr=0.001",
    "lr0": "here it is lr=0.001",
    "lr_step_size": "schedule=step lr_steps=90,120 are the epochs after which it falls",
    "lrf": "schedule=cosine ends at a hundredth of lr",
    "multi_scale": _RANDOM_CROP,
    "nbs": "accumulate=4 adds up the gradients of as many batches before a step",
    "nms": _NO_NMS,
    "opset": "exported files have the first opset that deformable networks need, 20",
    "perspective": "images are not tilted: rotate=0.5 degrees=10 turns half of them",
    "plots": "a run always writes its plots",
    "save_period": "a run keeps its best and its last weights",
    "save_txt": 'Python writes labels of YOLO: found.save("labels/1.txt")',
    "scale": _RANDOM_CROP,
    "shear": "images are not tilted: rotate=0.5 degrees=10 turns half of them",
    "show": "found.plot().show() in Python, or the images that predict writes",
    "single_cls": "give the data one class, or let predict take class_agnostic=true",
    "size": "here it is imgsz=640",
    "simplify": "exported graphs are simplified already",
    "soft_nms": "predict and val take nms=gaussian",
    "stream": _LOOP,
    "threshold": "here it is conf=0.3",
    "time": "here it is minutes=15, which counts minutes where time= counts hours",
    "translate": _RANDOM_CROP,
    "verbose": "a line for each epoch goes to stderr: 2>/dev/null drops it",
    "val": "val_every=5 validates after every fifth epoch",
    "vid_stride": "in Python pass an iterator of the frames that you want",
    "visualize": "explain=true, or model.explain(found) in Python",
    "warmup": "here it is warmup_epochs=1",
    "workspace": "format=onnx is what TensorRT builds its engines from",
}
"""Hints by key."""


def hint_for(word: str, choices: Collection[str], command: str) -> str:
    """The hint for a word that a command does not know, else the closest choice; empty if none is close."""
    return HINTS_OF_COMMANDS.get((command, word)) or HINTS.get(word) or did_you_mean(word, choices)


def did_you_mean(word: str, choices: Collection[str]) -> str:
    """`did you mean ...?`, or empty if no choice is close."""
    close = get_close_matches(word, choices, n=1, cutoff=_SIMILAR)
    return f"did you mean {close[0]}?" if close else ""


def with_hints(method: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same method, but an unknown keyword raises a `UsageError` with the hint for it."""
    known = [name for one in list(signature(method).parameters.values())[1:] for name in _keywords(one)]

    @wraps(method)
    def checked(*values: _Arguments.args, **settings: _Arguments.kwargs) -> _Result:
        for key in settings:
            if key not in known:
                hint = hint_for(key, known, method.__name__) or f"it takes {', '.join(known)}"
                raise UsageError(f"unknown argument {key!r} of {method.__name__}: {hint}")
        return method(*values, **settings)

    return checked


def _keywords(parameter: Parameter) -> list[str]:
    """The keywords of a parameter: its name, or those of the `TypedDict` of `**options: Unpack[...]`."""
    unpacked: tuple[Any, ...] = get_args(parameter.annotation)
    if parameter.kind is Parameter.VAR_KEYWORD and unpacked:
        return list(unpacked[0].__annotations__)
    return [parameter.name]
