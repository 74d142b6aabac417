"""A program that runs every command of the command line in a folder, and prints their exit codes."""

import json
import os
import sys
from pathlib import Path

import torch
from tests.helpers.blank_states import state_of

from centernet.cli import main

_SMALL = "backbone=slim channels=8 head_channels=8 regression_channels=0 imgsz=64 batch=4 epochs=1 device=cpu"

COMMAND_LINES = (
    "--version",
    "models",
    "doctor data=data",
    "preview data=data",
    "split data=whole to=parts val=0.3",
    f"plan data=data model=nano {_SMALL}",
    f"train data=data model=nano {_SMALL} workers=1",
    "val model=runs/detect/train data=data save_json=found.json save_dir=runs/val device=cpu",
    "score format=coco truth=data/annotations/instances_val.json results=found.json",
    "predict model=runs/detect/train source=data/val conf=0 save_json=true explain=true device=cpu",
    "convert model=original.pth output=converted names=apple,pear",
    "export model=runs/detect/train output=one.onnx source=data/val",
    "predict model=one.onnx source=data/val",
    "export model=runs/detect/train format=openvino output=two source=data/val",
    "predict model=two source=data/val",
    "export model=runs/detect/train format=torch output=three.pt2 source=data/val",
    "benchmark model=runs/detect/train data=data formats=weights images=1 batch=1",
    "demo folder=demo train=2 val=1 epochs=1 device=cpu",
)


def run_all(folder: Path) -> dict[str, int]:
    """The exit code of each command, in this folder."""
    from centernet.data.synthetic import write_scenes

    os.chdir(folder)
    write_scenes("data", train=6, val=2, size=64)
    write_scenes("whole", train=6, val=0, size=64)
    state = state_of("ctdet_res_18", hm__2__weight=(2, 64, 1, 1), hm__2__bias=(2,))
    content = {key: torch.zeros_like(one, device="cpu") for key, one in state.items()}
    torch.save({"state_dict": content}, "original.pth")
    return {line: main(line.split()) for line in COMMAND_LINES}


if __name__ == "__main__":
    torch.set_num_threads(1)
    codes = run_all(Path(sys.argv[1]))
    print(json.dumps(codes))
