from itertools import pairwise

from centernet.drawing.fonts import load_font, printable, printable_lines, shorten, wrap

_, FONT_FILE = printable("a")
FONT = load_font(FONT_FILE, 16)


def test_latin_greek_and_cyrillic_are_written_as_they_are() -> None:
    assert printable("Küche Ωμέγα собака")[0] == "Küche Ωμέγα собака"


def test_letters_that_no_font_has_are_written_as_code_points() -> None:
    assert printable("cell \U000f1234")[0] == "cell \\U000f1234"


def test_several_texts_share_one_font_and_become_one_line_each() -> None:
    texts, _ = printable_lines(["two\nlines", "Küche", "a\u2028b"])

    assert texts == ["two lines", "Küche", "a b"]


def test_a_text_that_fits_is_not_shortened() -> None:
    assert shorten("image.png", FONT, 1000) == "image.png"


def test_of_a_long_text_the_end_is_kept() -> None:
    short = shorten("a/very/long/path/to/an/image_0042.png", FONT, 120)

    assert short.startswith("…")
    assert short.endswith("42.png")
    assert FONT.getlength(short) <= 120


def test_wrapped_lines_fit_and_have_all_letters() -> None:
    text = "the image cannot be read because_this_one_word_is_longer_than_a_whole_line"
    lines = wrap(text, FONT, 150)

    assert all(FONT.getlength(line) <= 150 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(first and second for first, second in pairwise(lines))
