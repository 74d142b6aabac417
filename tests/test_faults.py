"""The report of the trainings that are killed, and that other faults stop: `python -m tests.faults`."""

from pathlib import Path

from tests.faults.__main__ import write_section


def test_a_report_replaces_its_own_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "robustness.md"
    write_section(path, "## Faults in training\n\nfirst\n")
    path.write_text(path.read_text() + "\n## Other\n\nkept\n")
    write_section(path, "## Faults in training\n\nsecond\n")

    assert path.read_text() == "# Robustness\n\n## Faults in training\n\nsecond\n\n## Other\n\nkept\n"
