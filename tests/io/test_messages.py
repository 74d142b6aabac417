"""Messages on stderr: foreign names cannot move the cursor, colour the screen or begin a line."""

import pytest

from centernet.io.messages import say


def test_control_characters_and_line_ends_of_names_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    say("skipped \x1b[2Ja\nb\u202e.jpg", "second")

    assert capsys.readouterr().err == "skipped \\x1b[2Ja\\nb\\u202e.jpg\nsecond\n"


def test_a_line_has_at_most_300_letters(capsys: pytest.CaptureFixture[str]) -> None:
    say("n" * 1000)

    assert len(capsys.readouterr().err) == 301
