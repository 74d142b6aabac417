"""Changes that break a file: its bytes, its values, its text, its name, or what it is on the disk."""

import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

LONG = "<a whole number of 5000 digits>"
DEEP, DEEPEST = "<lists in lists, 700 deep>", "<lists in lists, 3000 deep>"
NAMES = (
    "\x1b[31mred\n\x07\r",
    "n" * 3000,
    "‮right to left",
    "né日本😀",
    "\ud800",
    "nul\x00l",
    "a\\b\\c.jpg",
    "../../up.jpg",
    "/etc/hostname",
    "~/home.jpg",
    "%s{0}{x!r}<b>|[a](b)`c`",
    "._a.jpg",
    "costs $5 or $\\frac$",
    "no",
    " ",
    "",
)
"""Texts in the place of a name."""
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [None], {"a": 1}, "", "text", "1", "-5", "1e3", "0x10", "١٢"),
    *(-1, 0, 1, 2, 3, 0.5, -0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"), float("-inf")),
    *(2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, LONG, DEEP, DEEPEST, [1, 2, 3], [1, 2, 3, 4], ["a"] * 4),
    *NAMES,
)
"""Values in the place of any other."""
WORDS = (
    *("nan", "inf", "-inf", "1e999", "-1", "0", "1", "2", "1e308", "1e-320", "9" * 30, "9" * 5000, "0x1"),
    *("1,5", "1_000", "", "-", "text", "١٢", "true", "null", "~", "0.5", "1.5", "640", "'", '"', "\x1b[2J"),
    *("\x00", "é" * 300, "..", "/", "*", "a.jpg", "{}", "[]", "%s", "no", "12px", "+5", "1/2"),
)
"""Words in the place of a field of a text."""
YAML = (
    "names: !!python/object/apply:os.system [echo]\n",
    "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nnames: [*b, *b, *b]\n",
    "<<: *missing\n",
    "when: 2020-13-45\n",
    "path: [\n",
    "names:\n\t- tab\n",
    "train: " + "[" * 3000 + "\n",
    "nc: 99999999999999999999\n",
    "names: {0: a, 5: b}\n",
    "names: {-1: a}\n",
    "names: [yes, no, 1.0, null]\n",
    "path: /\n",
    "train: [images, {a: b}]\n",
    "kpt_shape: [17, 9]\n",
    "flip_idx: [9, 9]\n",
    "---\n---\n",
)
"""Lines of yaml."""
XML = (
    b'<!DOCTYPE a [<!ENTITY b "' + b"b" * 100 + b'"><!ENTITY c "' + b"&b;" * 100 + b'">]><annotation>&c;',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation><filename>&x;</filename>',
    b'<?xml version="1.0" encoding="utf-16"?><annotation>',
    b"<annotation>" * 5000,
)
"""Beginnings of xml."""


def change_bytes(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """Cut, flipped, zeroed, spliced, repeated, or other bytes; and what was done."""
    size = len(data)
    at, length = rng.randrange(size + 1), rng.choice([1, 2, 4, 16, 256])
    near = min(at, rng.choice([8, 64, 512, size]))  # Headers are at the beginning.
    choices: dict[str, Callable[[], bytes]] = {
        f"cut at {at}": lambda: data[:at],
        f"cut to {near}": lambda: data[:near],
        f"without the first {length}": lambda: data[length:],
        f"byte {near} is another": lambda: data[:near] + bytes([rng.randrange(256)]) + data[near + 1 :],
        f"a bit of byte {near} flipped": lambda: _flip(rng, data, near),
        f"zeros at {near}": lambda: data[:near] + bytes(length) + data[near + length :],
        f"ones at {near}": lambda: data[:near] + b"\xff" * length + data[near + length :],
        f"{length} spliced in at {near}": lambda: data[:near] + rng.randbytes(length) + data[near:],
        f"{length} repeated at {at}": lambda: data[:at] + data[at : at + length] * 50 + data[at:],
        "noise": lambda: rng.randbytes(rng.choice([1, 100, 5000])),
        "more behind the end": lambda: data + rng.randbytes(length),
        "empty": lambda: b"",
        "twice": lambda: data * 2,
        "ten bits flipped": lambda: _flip(rng, data, *(rng.randrange(size + 1) for _ in range(10))),
    }
    name = rng.choice(list(choices))
    return choices[name](), name


def _flip(rng: random.Random, data: bytes, *places: int) -> bytes:
    changed = bytearray(data)
    for place in places:
        if place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def change_json(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A json text in which a value or key, at any depth, was dropped, repeated, renamed or replaced."""
    value = json.loads(data)
    done = [change_value(rng, value) for _ in range(rng.choice([1, 1, 1, 2, 5]))]
    if rng.random() < 0.03:
        value = rng.choice(HOSTILE)
        done = [f"all is {value!r:.40}"]
    return json_bytes(value), "; ".join(done)


def json_bytes(value: Any) -> bytes:
    """The json text of a value, with the two that json cannot write."""
    text = json.dumps(value)
    for mark, raw in {
        LONG: "7" * 5000,
        DEEP: "[" * 700 + "]" * 700,
        DEEPEST: "[" * 3000 + "]" * 3000,
    }.items():
        text = text.replace(json.dumps(mark), raw)
    return text.encode()


def change_value(rng: random.Random, value: Any) -> str:
    """Changes something in lists and dicts, in place, and says what."""
    places = list(_places(value, ""))
    if not places:
        return "nothing to change"
    # The depths alike: else one of many numbers is always taken, and never a key at the top.
    depth = rng.choice(sorted({name.count("/") for _, _, name in places}))
    parent, key, name = rng.choice([place for place in places if place[2].count("/") == depth])
    kind = rng.choice(["drop", "repeat", "rename", "set", "set", "set", "set", "scale", "text"])
    if kind == "drop":
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif kind == "rename" and isinstance(parent, dict):
        parent[rng.choice(NAMES)] = parent.pop(key)
    elif kind == "scale" and isinstance(parent[key], int | float):
        parent[key] = parent[key] * rng.choice([-1, 1e-3, 1e3, 1e9, 1e300])
    elif kind == "text":
        parent[key] = str(parent[key])
    else:
        kind = "set"
        parent[key] = rng.choice(HOSTILE)
    return f"{kind} {name}"


def _places(value: Any, name: str) -> list[tuple[Any, Any, str]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in items:
        found += [(value, key, f"{name}/{key}"), *_places(inner, f"{name}/{key}")]
    return found


def change_xml(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """An xml text in which an element was dropped, repeated, renamed, filled otherwise or moved."""
    if rng.random() < 0.1:
        return rng.choice(XML) + data, "another beginning"
    root = ElementTree.fromstring(data)
    parent = rng.choice([element for element in root.iter() if len(element)])
    child = rng.choice(list(parent))
    kind = rng.choice(["drop", "repeat", "rename", "fill", "fill", "fill", "move"])
    if kind == "drop":
        parent.remove(child)
    elif kind == "repeat":
        parent.append(child)
    elif kind == "rename":
        child.tag = rng.choice(["name", "object", "bndbox", "xmin", "size", "é"])
    elif kind == "move":
        root.append(child)
    else:
        words = [word for word in WORDS if word.isprintable()]
        child.text = rng.choice(words)
    return ElementTree.tostring(root), f"{kind} {parent.tag}/{child.tag}"


def change_text(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A text in which a line or a field was dropped, repeated or replaced, or of another encoding."""
    text = data.decode("utf-8", "surrogateescape")
    lines = text.splitlines() or [""]
    at = rng.randrange(len(lines))
    comma = "," if "," in lines[at] else None
    fields = lines[at].split(comma)
    field = rng.randrange(len(fields)) if fields else 0
    kind = rng.choice(["field", "field", "field", "field", "drop", "repeat", "cut", "add", "yaml", "all"])
    if kind == "field" and fields:
        fields[field] = rng.choice(WORDS)
    elif kind == "cut" and fields:
        del fields[field]
    elif kind == "add":
        fields.insert(field, rng.choice(WORDS))
    lines[at] = (comma or " ").join(fields)
    if kind == "drop":
        del lines[at]
    elif kind == "repeat":
        lines[at:at] = [lines[at]] * rng.choice([1, 1, 5000])
    elif kind == "yaml":
        lines.insert(at, rng.choice(YAML))
    joined = "\n".join(lines) + "\n"
    if kind == "all":
        wholes = {
            "utf-16": joined.encode("utf-16", "surrogatepass"),
            "latin": b"\xe9\xff" + joined.encode("utf-8", "surrogateescape"),
            "a null": joined.replace("0", "\x00", 1).encode("utf-8", "surrogateescape"),
            "one line": joined.replace("\n", " ").encode("utf-8", "surrogateescape"),
            "a long line": ("1 " * 200_000).encode(),
            "shuffled": "\n".join(rng.sample(lines, len(lines))).encode("utf-8", "surrogateescape"),
        }
        name = rng.choice(list(wholes))
        return wholes[name], name
    return joined.encode("utf-8", "surrogateescape"), f"{kind} in line {at + 1}"


def change_place(rng: random.Random, path: Path) -> str:
    """Puts something else in the place of a file, or gives it another name; and says what."""
    kind = rng.choice(list(_PLACES))
    _PLACES[kind](rng, path)
    return f"{path.name} is {kind}"


def _with(make: Callable[[Path], Any]) -> Callable[[random.Random, Path], None]:
    def put(_rng: random.Random, path: Path) -> None:
        path.unlink()
        make(path)

    return put


def _renamed(rng: random.Random, path: Path) -> None:
    wanted = rng.choice(
        [
            b"\x1b[31m" + path.name.encode(),
            b"\xff\xfe" + path.suffix.encode(),
            b"n" * 240 + path.suffix.encode(),
            b"a\\b" + path.suffix.encode(),
            b"line\nbreak" + path.suffix.encode(),
            "‮né😀".encode() + path.suffix.encode(),
            path.name.upper().encode(),
            path.stem.encode() + b".txt",
            path.name.encode() + b" ",
            b"._" + path.name.encode(),
            b"[a]*?{b}%s" + path.suffix.encode(),
        ]
    )
    os.rename(path, os.path.join(os.fsencode(path.parent), wanted))  # noqa: PTH104, PTH118


def _socket(path: Path) -> None:
    # The path of a socket has at most 107 bytes.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _beside(_rng: random.Random, path: Path) -> None:
    path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")


def _loop(_rng: random.Random, path: Path) -> None:
    (path.parent / "loop").symlink_to(path.parent, target_is_directory=True)


def _twice(_rng: random.Random, path: Path) -> None:
    shutil.copy(path, path.with_name(f"{path.stem} copy{path.suffix}"))


_PLACES: dict[str, Callable[[random.Random, Path], None]] = {
    "missing": lambda _rng, path: path.unlink(),
    "empty": lambda _rng, path: path.write_bytes(b"") and None,
    "a folder": _with(Path.mkdir),
    "a pipe": _with(os.mkfifo),
    "a link to itself": _with(lambda path: path.symlink_to(path.name)),
    "a link to nothing": _with(lambda path: path.symlink_to("nothing")),
    "a device": _with(lambda path: path.symlink_to("/dev/zero")),
    "a socket": _with(_socket),
    "of another name": _renamed,
    "beside what macOS adds": _beside,
    "beside a loop of links": _loop,
    "there twice": _twice,
}
