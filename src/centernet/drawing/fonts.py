"""Fonts for texts in any language, and code points for letters that no font of the machine has."""

from functools import cache
from pathlib import Path

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont


def printable(text: str) -> tuple[str, Path]:
    r"""The text as it can be drawn on this machine, and the file of the font to draw it with.

    The font that comes with matplotlib has Latin, Greek, Cyrillic and Arabic letters. For others the
    fonts of the machine are searched. If none has them all, the missing ones are written as `\u7d30`.
    """
    default = _default_font()
    if _has_all(text, default):
        return text, default
    for path in _machine_fonts():
        if _has_all(text, path):
            return text, path
    known = _characters(default)
    written = (c if ord(c) in known else c.encode("ascii", "backslashreplace").decode() for c in text)
    return "".join(written), default


def printable_lines(texts: list[str]) -> tuple[list[str], Path]:
    """The texts as `printable` returns them, each in one line, and one font for all of them."""
    joined, font = printable("\n".join(" ".join(text.split()) for text in texts))
    return joined.split("\n"), font


@cache
def load_font(path: Path, size_px: int) -> FreeTypeFont:
    """A font at a size in pixels."""
    return ImageFont.truetype(str(path), size_px)


def shorten(text: str, font: FreeTypeFont, width: int) -> str:
    """The text, or as much of its end as fits into `width` pixels: file names differ at their ends."""
    if font.getlength(text) <= width:
        return text
    for start in range(1, len(text)):
        if font.getlength("…" + text[start:]) <= width:
            return "…" + text[start:]
    return ""


def wrap(text: str, font: FreeTypeFont, width: int) -> list[str]:
    """The text in lines of up to `width` pixels, broken between words, or within words that are too long."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _has_all(text: str, path: Path) -> bool:
    return {ord(character) for character in text if not character.isspace()} <= _characters(path)


@cache
def _default_font() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _characters(path: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError):
        # Some installed font files are broken.
        return frozenset()


@cache
def _machine_fonts() -> tuple[Path, ...]:
    from matplotlib.font_manager import findSystemFonts

    return tuple(sorted(Path(path) for path in findSystemFonts()))
