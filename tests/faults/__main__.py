"""Faults in trainings of all tasks: `python -m tests.faults --kills 40`, on Linux.

Each run that a fault has stopped is resumed, and compared with one that was left alone.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.faults.kills import Ground, Killed, kills
from tests.faults.others import Outcome, others
from tests.faults.processes import two_file_systems
from tests.faults.trainings import EPOCHS, TRAININGS

HEADING = "## Faults in training"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="kills in all, divided among the tasks")
    parser.add_argument("--tasks", default=",".join(TRAININGS), help=f"some of {', '.join(TRAININGS)}")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments")
    parser.add_argument("--first", type=Path, default=Path("/tmp"), help="folder on a file system")
    parser.add_argument("--second", type=Path, default=Path("/dev/shm"), help="folder on another one")
    parser.add_argument("--only-kills", action="store_true", help="leave out the other faults")
    parser.add_argument("--report", type=Path, help="the section of this Markdown file is written")
    options = parser.parse_args()
    import_all()
    tasks = options.tasks.split(",")
    killed: dict[str, list[Killed]] = {}
    outcomes: list[Outcome] = []
    for number, task in enumerate(tasks):
        count = options.kills // len(tasks) + (number < options.kills % len(tasks))
        with two_file_systems(options.first, options.second) as disks:
            ground = Ground(training=TRAININGS[task], disks=disks)
            alone, seconds = ground.prepare()
            killed[task] = list(told(task, kills(ground, alone, seconds, count, options.seed + number)))
            if number == 0 and not options.only_kills:
                outcomes = others(ground, alone)
    command = f"python -m tests.faults --kills {options.kills} --seed {options.seed}"
    text = report(command, killed, outcomes)
    print(text)
    if options.report:
        write_section(options.report, text)
    is_fine = all(one.is_same for each in killed.values() for one in each)
    sys.exit(not is_fine or any(outcome.problems for outcome in outcomes))


def import_all() -> None:
    """Imports what a training imports, once for all processes."""
    import hotcoco
    import torch

    import centernet.cli.train
    import centernet.detector.training_run

    torch.set_num_threads(1)
    assert centernet.cli.train, hotcoco


def told(task: str, each: Iterable[Killed]) -> Iterable[Killed]:
    """The same, each printed when it is known."""
    for one in each:
        words = "the same" if one.is_same else f"DIFFERS: {one.reason}"
        print(f"{task}: killed at {', '.join(one.moments)}: {words}", file=sys.stderr, flush=True)
        yield one


def report(command: str, killed: dict[str, list[Killed]], outcomes: Sequence[Outcome]) -> str:
    """The section of `robustness.md`."""
    lines = [
        HEADING,
        "",
        f"`{command}`. Trainings of {EPOCHS} epochs, one for each task, with worker processes, the run",
        "folder and `TMPDIR` on two file systems in turn. Half of the kills (SIGKILL) wait for a file that",
        "is being written, the others come at random; some hit the resumed run. A run is the same if its",
        "weights, its table but for the seconds, and its list of files are those of a run left alone.",
        "",
        "| task | kills | while a file was written | left half a file | runs resumed | the same bits |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for task, each in killed.items():
        moments = [moment for one in each for moment in one.moments]
        half = sum(bool(one.half) for one in each)
        same = sum(one.is_same for one in each)
        lines.append(
            f"| {task} | {len(moments)} | {moments.count('writing')} | {half} | {len(each)} | {same} |"
        )
    lines += [f"\n{task}: {one.reason}" for task, each in killed.items() for one in each if not one.is_same]
    if outcomes:
        lines += ["", "| other fault | as it must be, and resumed to the same bits |", "|---|---|"]
        lines += [f"| {one.fault} | {_told(one)} |" for one in outcomes]
    return "\n".join(lines) + "\n"


def _told(outcome: Outcome) -> str:
    if outcome.skipped:
        return f"not tried: {outcome.skipped}"
    return f"no: {'; '.join(outcome.problems)}" if outcome.problems else "yes"


def write_section(path: Path, text: str) -> None:
    """Writes the section into a Markdown file: in its place, or at the end; other sections stay."""
    content = path.read_text(encoding="utf-8") if path.exists() else "# Robustness\n"
    start = content.find(HEADING)
    if start < 0:
        before, after = content.rstrip("\n") + "\n\n", ""
    else:
        end = content.find("\n## ", start + 1)
        before, after = content[:start], "" if end < 0 else content[end:]
    path.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    main()
