"""Changes of files of weights and programs: their header, their numbers, their archive, their graph."""

import io
import json
import pickle
import random
import struct
import warnings
import zipfile
from typing import Any

from tests.fuzz import mutators


def change_safetensors(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A file with another header, or with numbers that are none."""
    (size,) = struct.unpack("<Q", data[:8])
    header, numbers = json.loads(data[8 : 8 + size]), data[8 + size :]
    kind = rng.choice(["header", "header", "config", "numbers", "length"])
    if kind == "length":
        length = rng.choice([0, size - 1, size + 1, 2**63, 10**9])
        return struct.pack("<Q", length) + data[8:], f"header of {length} bytes"
    if kind == "config" and "centernet" in header.get("__metadata__", {}):
        text, done = mutators.change_json(rng, header["__metadata__"]["centernet"].encode())
        header["__metadata__"]["centernet"] = text.decode("utf-8", "replace")
    elif kind == "numbers":
        at = rng.randrange(len(numbers) // 4) * 4
        value = struct.pack("<f", rng.choice([float("nan"), float("inf"), 1e38, -1e38, 1e-40]))
        numbers, done = numbers[:at] + value + numbers[at + 4 :], f"number at {at}"
    else:
        done = mutators.change_value(rng, header)
    text = mutators.json_bytes(header)
    return struct.pack("<Q", len(text)) + text + numbers, done


def change_archive(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A zip archive one of whose parts is broken, missing, there twice, packed, or of another name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    at = rng.randrange(len(parts))
    name, content = parts[at]
    kind = rng.choice(["change", "change", "change", "drop", "twice", "packed", "name", "more"])
    done = f"{kind} {name}"
    if kind == "change":
        edit = mutators.change_json if name.endswith(".json") else mutators.change_bytes
        content, what = edit(rng, content)
        parts[at], done = (name, content), f"{name}: {what}"
    elif kind == "drop":
        del parts[at]
    elif kind == "twice":
        parts.append((name, content))
    elif kind == "name":
        root = name.partition("/")[0]
        parts[at] = (f"{root}/{rng.choice(['../../x', 'data/x', 'é', 'byteorder', 'x' * 300])}", content)
    elif kind == "more":
        parts.append((f"{name.partition('/')[0]}/extra/a.py", b"print(1)"))
    out = io.BytesIO()
    form = zipfile.ZIP_DEFLATED if kind == "packed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", form) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A part is there twice.
        for part, inner in parts:
            archive.writestr(zipfile.ZipInfo(part), inner, form)
    return out.getvalue(), done


def change_pickle(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A checkpoint with other values; or a pickle that would run something."""
    import torch

    if rng.random() < 0.2:
        return pickle.dumps(_Runs()), "a pickle that runs code"
    content: Any = torch.load(io.BytesIO(data), "cpu", weights_only=True)
    places = [(content, key, str(key)) for key in content]
    for parent, key, name in list(places):
        inner = parent[key]
        if isinstance(inner, dict):
            places += [(inner, one, f"{name}/{one}") for one in inner]
    parent, key, name = rng.choice(places)
    value = parent[key]
    others = [None, "text", -1, 10**30, [], {}, {1: 2}, torch.zeros(0), torch.full((2, 2), float("nan"))]
    if isinstance(value, torch.Tensor):
        whole = value.is_floating_point()
        others += [value.flatten()[:1], value.to(torch.int32), value.double(), value[None]]
        others += [torch.full_like(value, float("inf"))] if whole else []
        others += [value.to_sparse()] if value.ndim else []
    kind = rng.choice(["drop", "set", "set", "set", "rename"])
    if kind == "drop":
        del parent[key]
    elif kind == "rename":
        parent[rng.choice(["x", 5, "\x1b[31m", "a" * 500, "layer.weight"])] = parent.pop(key)
    else:
        parent[key] = rng.choice(others)
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue(), f"{kind} {name}"


class _Runs:
    """Unpickled, it would make a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("it-ran", "w"))


def change_onnx(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """A graph with another node, number, input, output or config."""
    import onnx

    model = onnx.load_from_string(data)
    graph = model.graph
    kind = rng.choice(["config", "config", "node", "input", "output", "number", "operator", "metadata"])
    if kind == "config":
        entry = next(one for one in model.metadata_props if one.key == "centernet")
        text, done = mutators.change_json(rng, entry.value.encode())
        entry.value = text.decode("utf-8", "replace")
        return model.SerializeToString(), done
    if kind == "node":
        del graph.node[rng.randrange(len(graph.node))]
    elif kind == "input":
        graph.input[0].name = "pixels"
    elif kind == "output":
        names = ["x", "boxes", graph.node[0].output[0]]
        graph.output[rng.randrange(len(graph.output))].name = rng.choice(names)
    elif kind == "number":
        tensor = rng.choice([one for one in graph.initializer if one.raw_data])
        tensor.raw_data = b"\x00\x00\xc0\x7f" * (len(tensor.raw_data) // 4)
    elif kind == "operator":
        rng.choice(graph.node).op_type = rng.choice(["Relu", "Nothing", "Add", "Identity"])
    else:
        del model.metadata_props[:]
    return model.SerializeToString(), kind
