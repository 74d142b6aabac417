"""Breaks inputs at random and looks at what comes of it: `python -m tests.fuzz --inputs 5000 --seed 7`."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")


def main(words: Sequence[str] | None = None) -> int:
    """Runs the cases and prints what was found; 1 if anything was."""
    options = _options(words)
    from tests.fuzz import warm
    from tests.fuzz.kinds import KINDS
    from tests.fuzz.runner import kind_of, run_all

    only = [kind for kind in KINDS if kind in warm.QUICK] if options.only == "quick" else [*KINDS]
    if options.only not in ("", "quick"):
        only = options.only.split(",")
    only = [kind for kind in only if kind not in options.skip.split(",")]
    if unknown := [kind for kind in only if kind not in KINDS]:
        raise SystemExit(f"unknown kinds {', '.join(unknown)}: there are {', '.join(KINDS)}")
    keep = Path(options.keep)
    verdicts = _logged(Path(options.log)) if options.log else []
    known = {(one.seed, one.number, one.kind) for one in verdicts}
    left = [
        number
        for number in range(options.first, options.first + options.inputs)
        if (options.seed, number, kind_of(options.seed, number, only)) not in known
    ]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds = Path(options.seeds).absolute() if options.seeds else Path(folder, "seeds")
        seeds.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        if left:
            warm.up(only, seeds, Path(folder))
            print(f"whole inputs made in {time.monotonic() - began:.0f} s", flush=True)
        for verdict in run_all(
            left, options.seed, only, work=Path(folder, "work"), seeds=seeds, keep=keep, jobs=options.jobs
        ):
            verdicts.append(verdict)
            if options.log:
                with Path(options.log).open("a", encoding="utf-8") as file:
                    print(json.dumps(asdict(verdict)), file=file)
            for fault in verdict.faults:
                print(f"{options.seed}-{verdict.number} {verdict.kind}: {fault}", flush=True)
            if len(verdicts) % 250 == 0:
                print(f"{len(verdicts)} of {options.inputs}", flush=True)
    print(report(verdicts))
    if options.log is None and not any(one.faults for one in verdicts):
        shutil.rmtree(keep, ignore_errors=True)
    return int(any(one.faults for one in verdicts))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=500, help="number of cases")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument(
        "--only", default="", help="kinds, joined by commas; or quick: those without a network"
    )
    parser.add_argument("--skip", default="", help="kinds that are left out")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    parser.add_argument("--keep", default="fuzz-found", help="folder that gets the cases with faults")
    parser.add_argument("--log", default=None, help="file of verdicts; its cases are not run again")
    parser.add_argument("--seeds", default=None, help="folder for whole inputs, to be used again")
    return parser.parse_args(words)


def _logged(log: Path) -> "list[Verdict]":
    from tests.fuzz.runner import Verdict

    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Verdict(**json.loads(line)) for line in lines]


def report(verdicts: "Sequence[Verdict]") -> str:
    """A table of the kinds in Markdown, and the faults by what they look like."""
    from tests.fuzz.runner import family

    head = "| kind | inputs | code 0 | code 1 | code 2 | faults | slowest, s | most memory, MB |"
    rows = [head, "|---|---:|---:|---:|---:|---:|---:|---:|"]
    kinds = sorted({one.kind for one in verdicts})
    for kind in [*kinds, "all"]:
        own = [one for one in verdicts if kind in (one.kind, "all")]
        codes = Counter(max(one.codes, default=0) for one in own)
        rows.append(
            f"| {kind} | {len(own)} | {codes[0]} | {codes[1]} | {codes[2]} "
            f"| {sum(bool(one.faults) for one in own)} | {max(one.seconds for one in own):.1f} "
            f"| {max(one.memory_mb for one in own):.0f} |"
        )
    families = Counter(family(fault) for one in verdicts for fault in one.faults)
    examples = {family(fault): one for one in reversed(verdicts) for fault in one.faults}
    found = [f"{count} × {name} ({examples[name].number})" for name, count in families.most_common()]
    return "\n".join([*rows, "", *found])


if __name__ == "__main__":
    sys.exit(main())
