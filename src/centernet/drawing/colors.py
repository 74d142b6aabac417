"""A fixed colour for each class, as different from the others as possible."""

import colorsys

Rgb = tuple[int, int, int]

# Bright enough for lines on photographs, the most different ones first.
_FIRST: tuple[Rgb, ...] = (
    (255, 75, 60),
    (40, 160, 255),
    (255, 200, 0),
    (0, 205, 120),
    (215, 90, 255),
    (170, 255, 60),
    (0, 220, 230),
    (255, 120, 185),
)
_GOLDEN_TURN = 0.61803398875


def class_color(label: int) -> Rgb:
    """RGB of a class by its label, 0 to 255."""
    if label < len(_FIRST):
        return _FIRST[label]
    turns = (label - len(_FIRST)) * _GOLDEN_TURN
    # Every eight colours saturation and value change, since hues come close to earlier ones.
    saturation, value = ((0.55, 1.0), (0.95, 0.75), (0.8, 0.95))[label // 8 % 3]
    red, green, blue = colorsys.hsv_to_rgb(turns % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def text_color(background: Rgb) -> Rgb:
    """Black or white, whichever has more contrast with the background."""
    red, green, blue = background
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else (255, 255, 255)
