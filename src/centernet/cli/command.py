"""Commands of the command line, and their output."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from centernet.cli.arguments import CONFIDENCE, SWITCH, TEXT, WHOLE, Argument
from centernet.errors import escaped
from centernet.io.messages import say


@runtime_checkable
class Stream(Protocol):
    """A text stream: `sys.stdout`, or what a notebook or a test replaces it by."""

    def write(self, text: str, /) -> int:
        """Writes text."""
        ...

    def flush(self) -> None:
        """Passes on what was written."""
        ...

    def isatty(self) -> bool:
        """True for a terminal."""
        ...


@dataclass(frozen=True, kw_only=True)
class Output:
    """Writes the result of a command: text for people, or JSON for programs.

    Attributes:
        is_json: True for JSON.
        stream: Stream of the results. Everything else goes to stderr.
    """

    is_json: bool
    stream: Stream

    def show(self, text: str, document: Any) -> None:
        """Writes a result.

        Args:
            text: For people.
            document: The same as plain values, for JSON.
        """
        line = json.dumps(document, allow_nan=False) if self.is_json else escaped(text)
        print(line, file=self.stream, flush=True)

    def note(self, text: str) -> None:
        """Writes a message that is not a result to stderr."""
        say(*text.splitlines())


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of the program.

    Attributes:
        name: The word to type.
        about: What it does, in a line.
        arguments: Its arguments.
        run: Runs it with the given values and returns the exit code. Slow imports are inside.
        examples: Command lines that work.
        details: More help, in a few lines.
        main_keys: The keys that `--help` alone shows, in this order; empty for all.
    """

    name: str
    about: str
    arguments: tuple[Argument, ...]
    run: Callable[[dict[str, Any], Output], int]
    examples: tuple[str, ...]
    details: str = ""
    main_keys: tuple[str, ...] = ()


COMMON = (
    Argument(
        name="json",
        type=SWITCH,
        about="write the result as JSON to stdout; all else goes to stderr",
        default="false",
        group="All commands",
    ),
    Argument(
        name="debug",
        type=SWITCH,
        about="print the traceback of an error",
        default="false",
        group="All commands",
    ),
)
"""Arguments of all commands."""

MODEL = Argument(
    name="model",
    type=TEXT,
    about="weights that come with the package, a run or weights folder, a .safetensors file, or hf://owner/name",
    default="blood-cells",
    is_required=True,
)
DATA = Argument(
    name="data",
    type=TEXT,
    about="COCO, VOC, YOLO, KITTI, DeepLabCut, LabelMe, ...: a folder, .json, data.yaml or .csv",
    default="FOLDER",
    is_required=True,
)
IMAGES = Argument(
    name="images",
    type=TEXT,
    about="folder of the images, where they are not where the data set says",
    default="FOLDER",
)
MODEL_OR_FILE = replace(MODEL, about=f"{MODEL.about}; or an exported file: .onnx, .pt2, a folder of OpenVINO")
CONF = Argument(
    name="conf",
    type=CONFIDENCE,
    about="minimum score of a detection, or of each class as a:0.2,b:0.4; by default that of best F1, which "
    "train keeps in the weights, else 0.3",
    default="SCORE",
)
TRUST = Argument(
    name="trust",
    type=SWITCH,
    about="open a .pt2 program of somebody you trust: torch evaluates expressions in it",
    default="false",
)
DEVICE = Argument(name="device", type=TEXT, about="auto, cpu, cuda, cuda:1 or mps", default="auto")
EXIST_OK = Argument(
    name="exist_ok",
    type=SWITCH,
    about="replace a file that exists, once the new one is whole",
    default="false",
)
WORKERS = Argument(
    name="workers",
    type=WHOLE,
    about="threads that read and resize images ahead of the network, and run it too if cores are free",
    default="1",
)
