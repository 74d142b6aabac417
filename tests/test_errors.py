"""Lines of messages, which fit a screen whatever the names in them."""

from centernet.errors import listed, shortened


def test_a_line_has_at_most_300_letters_and_keeps_its_beginning_and_its_end() -> None:
    line = shortened(f"centernet: {'x' * 500}.json is broken: mend it")

    assert len(line) == 300
    assert line.startswith("centernet: xxx")
    assert line.endswith("xx.json is broken: mend it")
    assert shortened("centernet: short") == "centernet: short"


def test_of_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcdefgh"]) == "a, b, c, d, e, f and 2 more"
    # One more is as long as its name.
    assert listed([*"abcdefg"]) == "a, b, c, d, e, f, g"
    assert listed(["n" * 50]) == "n" * 29 + "…"
