"""What may be said and what must hold: of the lines that a command prints, and of what it reads."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from centernet.cli.commands import COMMANDS
from centernet.data.doctor.clean import clean
from centernet.data.formats.catalog import open_dataset, splits
from centernet.detector import CenterNet
from centernet.errors import InputError, UsageError
from centernet.io.images import image_size, is_image, read_image

LONGEST = 300
CODES = (0, 1, 2)


class Wrong(Exception):  # noqa: N818 - it is a finding, not an error
    """Something is silently wrong."""


def faults(words: Sequence[str], code: int, out: str, err: str, names: Sequence[str]) -> list[str]:
    """What is wrong with the end of a command; nothing for an honest one.

    Args:
        words: The command line.
        code: Its exit code.
        out: What it printed.
        err: What it printed to stderr.
        names: Names of the files that it was given.
    """
    found = []
    lines = err.splitlines()
    if "Traceback (most recent call last)" in out + err:
        found.append(f"traceback: {lines[-1] if lines else ''}")
    if match := re.search(r"^centernet: (\w+: .*)\(run again with --debug", err, re.MULTILINE):
        found.append(f"raw exception: {match[1]}")
    found += [f"not one of the exit codes: {code}"] * (code not in CODES)
    found += [f"a line of {len(line)} letters: {line[:100]}" for line in lines if len(line) > LONGEST][:1]
    for where, text in {"stdout": out, "stderr": err}.items():
        if odd := sorted({letter for letter in text if is_control(letter)}):
            found.append(f"control characters {odd!r} in {where}")
    found += [f"a warning: {line}" for line in lines if re.search(r"^\S+:\d+: \w*Warning", line)][:1]
    is_report = words[0] == "doctor" and code == 1 and bool(out)
    if code and not is_report:
        last = lines[-1] if lines else ""
        if not last.startswith("centernet: "):
            found.append(f"an error without a message: {last[:100]}")
        elif not any(name in last for name in _nameable(words, names)):
            found.append(f"a message that names neither file nor key: {last}")
    if "--json" in words and code == 0:
        found += _faults_of_json(out)
    return found


def is_control(letter: str) -> bool:
    """True for what a terminal acts on instead of showing it; line ends are fine."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter != "\n"


def _nameable(words: Sequence[str], names: Sequence[str]) -> set[str]:
    keys = {word.removeprefix("--").partition("=")[0] for word in words[1:]}
    values = {word.partition("=")[2][:40] for word in words[1:]}
    known = {argument.name for argument in COMMANDS[words[0]].arguments}
    return {one for one in {*keys, *values, *known, *names, repr(words[0]), "in/"} if one.strip()}


def _faults_of_json(out: str) -> list[str]:
    def refuse(word: str) -> None:
        raise ValueError(f"it holds {word}")

    for line in out.splitlines():
        try:
            json.loads(line, parse_constant=refuse)
        except ValueError as error:
            return [f"stdout is not json: {error}"]
    return []


def same(got: Any, expected: Any) -> None:
    """Raises `Wrong` if a harmless change changed what was read."""
    if got != expected:
        raise Wrong(f"a harmless change is read as something else: {_first_difference(got, expected)}")


def _first_difference(got: Any, expected: Any) -> str:
    if isinstance(got, dict) and isinstance(expected, dict) and got.keys() == expected.keys():
        key = next(key for key in got if got[key] != expected[key])
        return f"{key}: {_first_difference(got[key], expected[key])}"
    if isinstance(got, list | tuple) and isinstance(expected, list | tuple) and len(got) == len(expected):
        pairs = ((a, b) for a, b in zip(got, expected, strict=True) if a != b)
        return _first_difference(*next(pairs))
    return f"{got!r:.100} instead of {expected!r:.100}"


def data_is_sound(folder: Path) -> None:
    """What is read of a data set, and trained on, has boxes in its images, numbers, and known classes."""
    try:
        for split in splits(folder):
            dataset, _ = clean(open_dataset(folder, split))
            for record in dataset.records:
                _objects_are_sound(record, len(dataset.categories))
    except (InputError, UsageError):
        return


def _objects_are_sound(record: Any, num_classes: int) -> None:
    one = record.annotations
    _require(record.size is not None and min(record.size) > 0, f"{record.path.name} has size {record.size}")
    _require(bool(np.isfinite(one.boxes).all()), f"a box of {record.path.name} is not finite")
    rows, columns = record.size
    inside = (one.boxes >= 0) & (one.boxes <= np.array([columns, rows, columns, rows]))
    _require(bool(inside.all()), f"a box of {record.path.name} is outside the image: {one.boxes.tolist()}")
    sides = one.boxes[:, 2:] - one.boxes[:, :2]
    _require(bool((sides > 0).all()), f"a box of {record.path.name} has no area: {one.boxes.tolist()}")
    _require(bool(((one.labels >= 0) & (one.labels < num_classes)).all()), "a label has no class")
    _require(bool(np.isfinite(one.areas).all()), f"an area of {record.path.name} is not finite")
    _require(bool(np.isfinite(one.keypoints).all()), f"a keypoint of {record.path.name} is not finite")
    _require(bool(np.isin(one.keypoints[..., 2], (0, 1, 2)).all()), "a visibility is not 0, 1 or 2")
    if record.camera is not None:
        _require(bool(np.isfinite(record.camera).all()), f"the camera of {record.path.name} is not finite")


def images_agree(folder: Path) -> None:
    """The header of each image says the size that its pixels have, and reading it twice gives the same."""
    for path in sorted(folder.rglob("*")):
        if is_image(path):
            try:
                pixels = read_image(path)
                size = image_size(path)
            except InputError:
                continue
            _require(pixels.shape == (*size, 3), f"{path} is {size} but {pixels.shape} was read")
            _require(bool((pixels == read_image(path)).all()), f"{path} gives other pixels the second time")


def model_is_sound(model: str, images: Path, *, trust: bool) -> None:
    """Weights that open hold finite numbers, and what they find is finite and in the image."""
    try:
        detector = CenterNet(model, "cpu", trust=trust)
        if not trust:
            for key, value in detector.network.state_dict().items():
                _require(bool(value.isfinite().all()), f"{key} is not finite")
        for found in detector.predict(sorted(images.iterdir())[:1], conf=0.0, strict=True):
            rows, columns = found.image.shape[:2] if found.image is not None else (1e9, 1e9)
            _require(bool(np.isfinite(found.boxes).all()), "a box that was found is not finite")
            _require(bool(((found.scores >= 0) & (found.scores <= 1)).all()), "a score is not from 0 to 1")
            limits = np.array([columns, rows, columns, rows]) + 0.01
            inside = (found.boxes >= -0.01) & (found.boxes <= limits)
            _require(bool(inside.all()), f"a box that was found is outside the image of {rows}×{columns}")
    except (InputError, UsageError):
        return


def checkpoint_is_sound(path: Path) -> None:
    """Nothing of a checkpoint was run, and the weights that are read of it are tensors by name."""
    import torch

    from centernet.conversion.checkpoint import read

    try:
        state = read(path)
        _require(all(isinstance(one, torch.Tensor) for one in state.values()), "a weight is no tensor")
        _require(all(isinstance(key, str) for key in state), "a name of a weight is no text")
    except (InputError, UsageError):
        pass
    _require(not Path("it-ran").exists(), "code in the file was run")


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise Wrong(fault)
