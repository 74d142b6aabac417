"""A verb of the command line, and where its answer goes."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from centernet.cli.arguments import SWITCH, TEXT, WHOLE, Argument


@runtime_checkable
class Stream(Protocol):
    """Where text goes: `sys.stdout`, or what a notebook or a test puts in its place."""

    def write(self, text: str, /) -> int:
        """Takes text."""
        ...

    def flush(self) -> None:
        """Passes on what was taken."""
        ...

    def isatty(self) -> bool:
        """Whether a person looks on."""
        ...


@dataclass(frozen=True, kw_only=True)
class Output:
    """Takes what a verb answers: text for people, or JSON for programs.

    Attributes:
        is_json: Which of the two.
        stream: Where answers go. Everything else goes to stderr.
    """

    is_json: bool
    stream: Stream

    def show(self, text: str, document: Any) -> None:
        """Writes an answer.

        Args:
            text: For people.
            document: Plain values that say the same.
        """
        line = json.dumps(document, allow_nan=False) if self.is_json else text
        print(line, file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """Tells people something that is not the answer."""
        print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing the program does.

    Attributes:
        name: The word to type.
        about: What it does, in a line.
        arguments: What it takes.
        run: Does it: takes what was given, and returns the exit code. Imports what is slow to import itself.
        examples: Command lines that work.
        details: What else to know, in a few lines.
    """

    name: str
    about: str
    arguments: tuple[Argument, ...]
    run: Callable[[dict[str, Any], Output], int]
    examples: tuple[str, ...]
    details: str = ""


COMMON = (
    Argument(
        name="json",
        kind=SWITCH,
        about="answer in JSON on stdout; all else goes to stderr",
        default="false",
        group="Every verb",
    ),
    Argument(
        name="debug", kind=SWITCH, about="show the traceback of an error", default="false", group="Every verb"
    ),
)
"""What every verb takes."""

MODEL = Argument(
    name="model",
    kind=TEXT,
    about="weights that come along, a run or weights folder, a .safetensors file, or hf://owner/name",
    default="blood-cells",
    is_required=True,
)
DATA = Argument(
    name="data",
    kind=TEXT,
    about="COCO, VOC, YOLO, KITTI or DeepLabCut: a folder, .json, data.yaml or .csv",
    default="FOLDER",
    is_required=True,
)
MODEL_OR_FILE = replace(
    MODEL, about=f"{MODEL.about}; or what export wrote: .onnx, .pt2, a folder of OpenVINO"
)
DEVICE = Argument(name="device", kind=TEXT, about="auto, cpu, cuda, cuda:1 or mps", default="auto")
WORKERS = Argument(
    name="workers",
    kind=WHOLE,
    about="threads that read and resize images ahead of the network, and look at some where cores idle",
    default="1",
)
HALF = Argument(name="half", kind=SWITCH, about="compute in bfloat16", default="false")
