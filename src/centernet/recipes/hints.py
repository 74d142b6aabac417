"""What people type who come from other detectors, and what to type here."""

from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from centernet.errors import UsageError

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")

_NO_NMS = "peaks are objects, so no overlapping boxes need be dropped; predict and val take nms=hard iou=0.5"
_SHIFTS = "windows of random size and place show the image: scale_min=0.6, scale_max=1.3, random_crop=true"
_COLORS = "color=0.4 is the strength of all random colours"
_BOX_LOSS = "the box has size_weight=0.1 and giou_weight=2"

_ANY_SIZE = "written files take any number of images, and sides of any multiple of the network's"
_LOOP = "predict gives one image after the other: write a loop over it"

_OF_MODEL = "the model has it: CenterNet(model, device=0) in Python, where it is auto here"
_IS_MODEL = "here it is model="

HINTS_OF_COMMANDS = {
    ("predict", "classes"): "in Python found[found.labels == 0] keeps those of the first class",
    ("predict", "device"): _OF_MODEL,
    ("predict", "save"): 'found.save("out.png") of each answer; the command line always writes pictures',
    ("predict", "save_conf"): "save_json=FILE writes scores, too",
    ("predict", "save_crop"): "crops=true on the command line, found.crops() in Python",
    ("predict", "save_dir"): "project=FOLDER name=NAME on the command line, found.save(...) in Python",
    ("predict", "weights"): _IS_MODEL,
    ("val", "conf"): "AP counts all scores; precision and recall are at 0.25",
    ("val", "device"): _OF_MODEL,
    ("val", "plots"): "save_dir=FOLDER writes curves, tables and pictures",
    ("val", "weights"): _IS_MODEL,
    ("train", "weights"): "model= goes on training weights, start= takes over what fits another network",
}
"""Advice by the verb and the key: what holds for one verb alone."""

HINTS = {
    "agnostic_nms": "predict and val take class_agnostic=true, a place has its best class alone",
    "amp": "precision=bf16, or precision=32; auto takes what the hardware is fast in",
    "augment": "predict and val take flip=true, and scales=0.75,1,1.25",
    "batch": _ANY_SIZE,
    "box": _BOX_LOSS,
    "classes": "found[found.labels == 0] keeps those of the first class",
    "close_mosaic": "here it is plain_epochs=10",
    "cos_lr": "here it is schedule=cosine, which is the default",
    "conf_thres": "here it is conf=0.3",
    "deterministic": "seed=0 decides everything that is left to chance",
    "device": "written files run on the processor",
    "dfl": _BOX_LOSS,
    "dynamic": _ANY_SIZE,
    "fix_res": "predict and val take resize=fit",
    "fliplr": "here it is flip=0.5",
    "flipud": "here it is flip_vertical=0.5",
    "freeze": "all layers learn; lr=0.0001 changes those of weights less",
    "hsv_h": _COLORS,
    "hsv_s": _COLORS,
    "hsv_v": _COLORS,
    "imgsz": _ANY_SIZE,
    "iou": _NO_NMS,
    "keep_res": "predict and val take resize=keep",
    "learning_rate": "here it is lr=0.001",
    "lr0": "here it is lr=0.001",
    "lrf": "schedule=cosine ends at a hundredth of lr",
    "multi_scale": _SHIFTS,
    "nbs": "accumulate=4 adds up as many batches before a step",
    "nms": _NO_NMS,
    "opset": "written files have the first opset that deformable networks need, 20",
    "plots": "a run always writes its pictures",
    "save_period": "a run keeps its best and its last weights",
    "save_txt": 'Python writes labels of YOLO: found.save("labels/1.txt")',
    "scale": _SHIFTS,
    "show": "found.plot().show() in Python, or the pictures that predict writes",
    "single_cls": "name one class in the data, or let predict take class_agnostic=true",
    "size": "here it is imgsz=640",
    "simplify": "written graphs are simplified already",
    "soft_nms": "predict and val take nms=gaussian",
    "stream": _LOOP,
    "threshold": "here it is conf=0.3",
    "translate": _SHIFTS,
    "verbose": "a line for each epoch goes to stderr: 2>/dev/null drops it",
    "val": "val_every=5 measures each fifth epoch",
    "vid_stride": "in Python pass an iterator of the frames that you want",
    "visualize": "explain=true, or model.explain(found) in Python",
    "workspace": "format=onnx is what TensorRT builds its engines from",
}
"""Advice by the key."""


def hint_for(word: str, choices: Collection[str], verb: str) -> str:
    """What to type instead of a word that a verb does not know; nothing where no choice is close."""
    return HINTS_OF_COMMANDS.get((verb, word)) or HINTS.get(word) or did_you_mean(word, choices)


def did_you_mean(word: str, choices: Collection[str]) -> str:
    """`did you mean ...?`, or nothing where no choice is close."""
    close = get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]}?" if close else ""


def with_hints(function: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """The same method, but a keyword that it does not take is answered with what to type."""
    known = list(signature(function).parameters)[1:]

    @wraps(function)
    def ask(*values: _Given.args, **settings: _Given.kwargs) -> _Answer:
        for key in settings:
            if key not in known:
                hint = hint_for(key, known, function.__name__) or f"it takes {', '.join(known)}"
                raise UsageError(f"unknown argument {key!r} of {function.__name__}: {hint}")
        return function(*values, **settings)

    return ask
