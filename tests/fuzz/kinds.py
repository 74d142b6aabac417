"""What is fuzzed: each kind breaks a whole input in some way, and says which commands and checks then run.

A case lives in a folder of its own, which is the working folder; the broken input is `in`.
"""

import random
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import checks, harmless, mutators, seeds, tensors

from centernet.cli.commands import COMMANDS

INPUT = Path("in")


@dataclass(kw_only=True)
class Case:
    """One input, and what is done with it.

    Attributes:
        changes: What was changed, in words.
        commands: Command lines to run, one after the other.
        checks: Functions that raise `checks.Wrong` for what is silently wrong.
    """

    changes: list[str]
    commands: list[list[str]]
    checks: list[Callable[[], None]] = field(default_factory=list)


Maker = Callable[[random.Random, Path], Case]
"""Makes a case in the working folder, from the seeds in another."""


def copy(name: str, folder: Path) -> None:
    """A seed as the input of the case."""
    shutil.copytree(seeds.make(name, folder), INPUT, symlinks=True)


def break_some(rng: random.Random, files: Sequence[Path], places: float = 0.15) -> list[str]:
    """Breaks one file, or two or three, by what its suffix says it is.

    Args:
        rng: Decides.
        files: Those to choose from.
        places: Share of changes of what the file is on the disk.
    """
    chosen = rng.sample(list(files), min(len(files), rng.choice([1, 1, 1, 2, 3])))
    return [
        mutators.change_place(rng, file) if rng.random() < places else _break(rng, file) for file in chosen
    ]


def _break(rng: random.Random, file: Path) -> str:
    edits = _BY_SUFFIX.get(file.suffix, ())
    change = rng.choice(edits) if edits and rng.random() < 0.8 else mutators.change_bytes
    try:
        data, done = change(rng, file.read_bytes())
    except (ValueError, SyntaxError, IndexError, zipfile.BadZipFile, KeyError):
        # It is no json any more, or has no element left.
        data, done = mutators.change_bytes(rng, file.read_bytes())
    file.write_bytes(data)
    return f"{file}: {done}"


_BY_SUFFIX = {
    ".json": (mutators.change_json, mutators.change_json, mutators.change_json, mutators.change_text),
    ".xml": (mutators.change_xml, mutators.change_xml, mutators.change_text),
    **dict.fromkeys((".txt", ".csv", ".yaml", ".data", ".names"), (mutators.change_text,)),
    ".safetensors": (tensors.change_safetensors,),
    **dict.fromkeys((".pth", ".ckpt"), (tensors.change_archive, tensors.change_pickle)),
    ".pt2": (tensors.change_archive,),
    ".onnx": (tensors.change_onnx,),
}


def _files(*suffixes: str) -> list[Path]:
    found = [path for path in sorted(INPUT.rglob("*")) if path.is_file()]
    return [path for path in found if not suffixes or path.suffix in suffixes]


def images(rng: random.Random, folder: Path) -> Case:
    """A broken image alone, in a folder with a whole one; or a whole one written in another form."""
    source = seeds.make("images", folder)
    INPUT.mkdir()
    shutil.copy(source / "rgb.png", INPUT / "whole.png")
    if rng.random() < 0.1:
        new, change = harmless.write_again(rng, INPUT / "whole.png")
        return Case(
            changes=[change],
            commands=[],
            checks=[lambda: checks.same(harmless.pixels(INPUT)[new.stem], harmless.pixels(INPUT)["whole"])],
        )
    original = rng.choice(sorted(source.iterdir()))
    shutil.copy(original, INPUT / original.name)
    changes = break_some(rng, [INPUT / original.name], 0.1)
    model = f"model={folder / 'weights'}"
    where = rng.choice(["in", "in", f"in/{original.name}", "in/**/*", "in/*"])
    words = ["predict", model, f"source={where}", f"imgsz={seeds.SIZE}"]
    more = rng.choice([["save=false"], ["save=false", "--json"], ["exist_ok=true"], ["save_json=true"]])
    return Case(changes=changes, commands=[[*words, *more]], checks=[lambda: checks.images_agree(INPUT)])


def pixels(rng: random.Random, folder: Path) -> Case:
    """A broken image, or a whole one written in another form, that is read and no more."""
    case = images(rng, folder)
    return Case(changes=case.changes, commands=[], checks=case.checks)


def data(kind: str) -> Maker:
    """A data set of a kind: broken, or changed so that it means the same."""

    def make(rng: random.Random, folder: Path) -> Case:
        copy(kind, folder)
        if kind in harmless.CHANGES and rng.random() < 0.2:
            before = harmless.meaning(INPUT)
            change = harmless.change(kind, rng, INPUT)
            return Case(
                changes=[change],
                commands=[["doctor", "data=in"]],
                checks=[lambda: checks.same(harmless.meaning(INPUT), before)],
            )
        texts = [path for path in _files() if path.suffix not in (".png", ".jpg")]
        changes = break_some(rng, texts if rng.random() < 0.85 else _files())
        command = _data_command(rng, kind)
        return Case(changes=changes, commands=[command], checks=[lambda: checks.data_is_sound(INPUT)])

    return make


def evaluation(rng: random.Random, folder: Path) -> Case:
    """A broken data set, on which weights are evaluated."""
    kind = rng.choice(["coco", "voc", "yolo", "coco-pose", "yolo-pose"])
    copy(kind, folder)
    texts = [path for path in _files() if path.suffix not in (".png", ".jpg")]
    changes = break_some(rng, texts if rng.random() < 0.7 else _files())
    weights = seeds.make("pose-weights" if kind in _POSES else "weights", folder)
    command = ["val", f"model={weights}", "data=in", f"imgsz={seeds.SIZE}"]
    more = rng.choice([["save_json=found.json"], ["save_json=found.json"], ["save_dir=out"], ["--json"]])
    return Case(changes=[kind, *changes], commands=[[*command, *more]])


def training(rng: random.Random, folder: Path) -> Case:
    """A broken data set, for which a training is planned or begun."""
    kind = rng.choice(["coco", "voc", "yolo", "coco-pose", "yolo-pose", "deeplabcut", "labelme"])
    copy(kind, folder)
    texts = [path for path in _files() if path.suffix not in (".png", ".jpg")]
    changes = break_some(rng, texts if rng.random() < 0.7 else _files())
    task = ["task=pose"] if kind in _POSES else []
    command = ["plan", "data=in", *task] if rng.random() < 0.6 else _training("data=in", *task)
    return Case(changes=[kind, *changes], commands=[command])


_POSES = ("coco-pose", "yolo-pose", "deeplabcut", "torchvision")


def _data_command(rng: random.Random, kind: str) -> list[str]:
    is_whole = kind in ("deeplabcut", "labelme", "torchvision", "obj-data")
    choices: list[tuple[int, list[str]]] = [
        (8, ["doctor", "data=in"]),
        (4, ["doctor", "data=in", "--json"]),
        (2, ["doctor", "data=in", "keypoints=true"]),
        (3, ["preview", "data=in", "output=sheet.png"]),
        (5 if is_whole else 1, ["split", "data=in", "to=out"]),
        (3 if is_whole else 0, ["split", "data=in"]),
    ]
    return rng.choices([words for _, words in choices], [weight for weight, _ in choices])[0]


def _training(*words: str) -> list[str]:
    sizes = ["imgsz=64", "channels=16", "head_channels=16", "epochs=1", "batch=2", "workers=0"]
    return ["train", "model=nano", "pretrained=false", "device=cpu", "project=out", *sizes, *words]


def results(rng: random.Random, folder: Path) -> Case:
    """Broken results, or a broken ground truth, of `score`."""
    copy("results", folder)
    form, truth, found = rng.choice(
        [
            ("coco", "in/coco", "in/results.json"),
            ("voc", "in/voc", "in/voc_results"),
            ("kitti", "in/label_2", "in/kitti_results"),
        ]
    )
    texts = [path for path in _files() if path.suffix != ".png"]
    own = [path for path in texts if str(path).startswith((truth, found))]
    changes = break_some(rng, own)
    words = ["score", f"format={form}", f"ground_truth={truth}", f"results={found}"]
    return Case(changes=changes, commands=[[*words, *rng.choice([[], ["--json"]])]])


def weights(kind: str) -> Maker:
    """A broken folder of weights."""

    def make(rng: random.Random, folder: Path) -> Case:
        copy(kind, folder)
        changes = break_some(rng, _files(".json", ".safetensors"), 0.1)
        return _of_model(rng, "in", changes, folder)

    return make


def exported(kind: str) -> Maker:
    """A broken exported file."""

    def make(rng: random.Random, folder: Path) -> Case:
        copy(kind, folder)
        files = [path for path in _files() if not path.name.endswith("parity.json")]
        changes = break_some(rng, files, 0.1)
        model = next(INPUT.glob("a*"), INPUT / "a.onnx") if kind == "openvino" else INPUT / f"a.{kind}"
        return _of_model(rng, str(model), changes, folder, "trust=true")

    return make


def _of_model(rng: random.Random, model: str, changes: list[str], folder: Path, *more: str) -> Case:
    scene = seeds.make("scene", folder)
    words = ["predict", f"model={model}", f"source={scene / 'images'}", *more]
    choices = [
        [*words, "save=false"],
        [*words, "save=false", "--json"],
        [*words, "explain=true", "crops=true"] if not more else words,
        ["val", f"model={model}", f"data={scene / 'data'}", *more],
    ]
    command = rng.choices(choices, [6, 3, 1, 2])[0]
    trust = bool(more)
    check = lambda: checks.model_is_sound(model, scene / "images", trust=trust)  # noqa: E731
    return Case(changes=changes, commands=[command], checks=[check])


def checkpoints(rng: random.Random, folder: Path) -> Case:
    """A broken checkpoint of another program."""
    copy("checkpoints", folder)
    file = rng.choice(_files(".pth"))
    changes = break_some(rng, [file], 0.1)
    words = ["convert", f"model={file}", "output=out"]
    return Case(
        changes=changes,
        commands=[[*words, *rng.choice([[], ["names=a,b"], ["half=true"]])]],
        checks=[lambda: checks.checkpoint_is_sound(file)],
    )


def runs(rng: random.Random, folder: Path) -> Case:
    """A broken run folder, which is resumed."""
    copy("run", folder)
    wanted = [path for path in _files(".ckpt", ".yaml", ".csv", ".json") if "data" not in path.parts]
    changes = break_some(rng, wanted, 0.1)
    shutil.move(INPUT / "data", "data")
    shutil.move(INPUT / "run", "run")
    settings = Path("run/args.yaml")
    if settings.is_file() and not settings.is_symlink():
        settings.write_bytes(settings.read_bytes().replace(b"in/", b""))
    return Case(changes=changes, commands=[["train", "resume=run"]])


def settings(*names: str) -> Maker:
    """One of these commands with wrong, strange or missing words."""

    def make(rng: random.Random, folder: Path) -> Case:
        name = rng.choices(names, [_BASES[name][0] for name in names])[0]
        return _with_words(rng, name, folder)

    return make


def _with_words(rng: random.Random, name: str, folder: Path) -> Case:
    words = [_at(word, folder) for word in _BASES[name][1]]
    arguments = [one for one in COMMANDS[name].arguments if one.name not in _SLOW]
    changes = []
    for _ in range(rng.choice([1, 1, 2, 3]) if arguments else 0):
        argument = rng.choice(arguments)
        value = rng.choice([*mutators.WORDS, argument.default, f"{argument.default},{argument.default}"])
        form = rng.choice(["{}={}", "{}={}", "--{}={}", "{}=[{}]", "--{}", "{}{}"])
        word = form.format(argument.name, value).replace("\x00", "")
        if name == "train" and "640" in word:
            continue
        words.insert(rng.randrange(len(words) + 1), word)
        changes.append(f"with {word[:60]!r}")
    if rng.random() < 0.1:
        changes.append(f"without {words.pop(rng.randrange(len(words)))!r}")
    return Case(changes=[name, *changes], commands=[[name, *words]])


_SLOW = ("epochs", "minutes", "repeats", "images", "train", "val", "folder", "devices", "debug")
"""Keys by which a command may rightly take hours."""
_SMALL = ("imgsz=64",)
_BASES: dict[str, tuple[int, list[str]]] = {
    "doctor": (10, ["data=SCENE/data"]),
    "preview": (8, ["data=SCENE/data", "output=sheet.png"]),
    "split": (8, ["data=SCENE/data", "to=out"]),
    "predict": (30, ["model=MODEL", "source=SCENE/images", *_SMALL]),
    "val": (20, ["model=MODEL", "data=SCENE/data", *_SMALL]),
    "score": (6, ["format=coco", "ground_truth=SCENE/data", "results=SCENE/none.json"]),
    "plan": (12, ["data=SCENE/data"]),
    "train": (4, _training("data=SCENE/data")[1:]),
    "convert": (6, ["model=SCENE/calib.txt", "output=out"]),
    "export": (2, ["model=MODEL", "output=a.onnx"]),
    "benchmark": (1, ["model=MODEL", "data=SCENE/data", "formats=weights", "images=2"]),
    "models": (2, []),
    "demo": (1, ["folder=out", "train=4", "val=2", "epochs=1"]),
}
"""Words of each command that work, and how often it is taken."""


def _at(word: str, folder: Path) -> str:
    return word.replace("SCENE", str(folder / "scene")).replace("MODEL", str(folder / "weights"))


def places(rng: random.Random, folder: Path) -> Case:
    """A command, one of whose paths leads to something that is none of what it expects."""
    scene = seeds.make("scene", folder)
    INPUT.mkdir()
    shutil.copytree(scene / "images", INPUT / "more")
    victim = INPUT / f"a{rng.choice(['.jpg', '.json', '.yaml', '.csv', '.onnx', '.safetensors', '', '.mp4'])}"
    victim.write_bytes(rng.choice([b"{}", b"[]", b"a,b\n", b"noise", b"\x00" * 1000]))
    changes = [mutators.change_place(rng, victim)]
    odd = ["/dev/zero", "/dev/null", "/dev/stdin", "/proc/self/mem", "in/nothing", "~nobody/x", "a\x1b[31mb"]
    path = (
        str(victim) if rng.random() < 0.7 else rng.choice([*odd, "n" * 300, ".", "/", "in/../in", "http://"])
    )
    name = rng.choice([name for name, (_, words) in _BASES.items() if words and name != "demo"])
    words = [_at(word, folder) for word in _BASES[name][1]]
    keys = [
        number
        for number, word in enumerate(_BASES[name][1])
        if "/" in word or "out" in word or "MODEL" in word
    ]
    at = rng.choice(keys)
    words[at] = f"{words[at].partition('=')[0]}={path}"
    if path in ("/", ".") and name in ("doctor", "predict", "val", "plan", "train"):
        words[at] = f"{words[at].partition('=')[0]}={victim}"
    if name == "predict" and rng.random() < 0.3:
        words.append(f"camera={path}")
    return Case(changes=[*changes, f"{name} {words[at]!r}"], commands=[[name, *words]])


KINDS: dict[str, tuple[int, Maker]] = {
    "pixels": (6, pixels),
    "images": (10, images),
    **{kind: (7, data(kind)) for kind in ("coco", "voc", "yolo", "kitti")},
    **{kind: (5, data(kind)) for kind in ("coco-pose", "deeplabcut", "labelme")},
    **{kind: (2, data(kind)) for kind in ("coco-3d", "yolo-pose", "torchvision", "obj-data")},
    "results": (5, results),
    "weights": (7, weights("weights")),
    "pose-weights": (2, weights("pose-weights")),
    "checkpoints": (4, checkpoints),
    "onnx": (4, exported("onnx")),
    "pt2": (3, exported("pt2")),
    "openvino": (3, exported("openvino")),
    "runs": (3, runs),
    "data-settings": (5, settings("doctor", "preview", "split", "score", "models")),
    "settings": (9, settings("predict", "val", "convert")),
    "long-settings": (3, settings("plan", "train", "export", "benchmark", "demo")),
    "evaluation": (5, evaluation),
    "training": (4, training),
    "places": (7, places),
}
"""The kinds by name, each with how often it comes."""
