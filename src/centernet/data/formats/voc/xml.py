"""The objects of one VOC xml file, validated, with the lines they start on."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from centernet.data.formats.common.files import LARGEST_PX
from centernet.errors import InputError
from centernet.io.plain_files import read_plain
from centernet.structures import Defect

Corners = tuple[float, float, float, float]

_TAGS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, kw_only=True)
class VocObject:
    """One object of a file.

    Attributes:
        name: Class.
        corners: `xmin, ymin, xmax, ymax`, counted from pixel 1.
        is_difficult: Ignored in evaluation.
        line: Line of the file on which the object starts.
    """

    name: str
    corners: Corners
    is_difficult: bool
    line: int


@dataclass(frozen=True, kw_only=True)
class VocFile:
    """The content of one file.

    Attributes:
        path: The file.
        filename: Name of its image; empty where it is not stated.
        size: Rows and columns of its image; None where they are not stated.
        objects: Valid objects.
        defects: Defects of the others.
    """

    path: Path
    filename: str
    size: tuple[int, int] | None
    objects: tuple[VocObject, ...]
    defects: tuple[Defect, ...]


def read_xml(path: Path) -> VocFile:
    """Read one file.

    Raises:
        InputError: The file is not xml, or not of VOC.
    """
    root = _parse(path)
    if root.tag != "annotation":
        raise InputError(f"{path} is not a VOC file: it starts with <{root.tag}>, not <annotation>")
    objects: list[VocObject] = []
    defects: list[Defect] = []
    for element in root.iterfind("object"):
        try:
            objects.append(_read_object(element))
        except ValueError as error:
            where = f"{path}:{element.get(_LINE)}"
            defects.append(Defect(kind="broken box", where=where, message=str(error), action="left out"))
    return VocFile(
        path=path,
        filename=(root.findtext("filename") or root.findtext("path") or "").strip(),
        size=_read_size(root),
        objects=tuple(objects),
        defects=tuple(defects),
    )


_LINE = " line"  # No attribute in a file can start with a blank.


def _parse(path: Path) -> ElementTree.Element:
    """The tree of elements, each with its line, which the standard parsers drop."""
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(tag: str, _: dict[str, str]) -> None:
        builder.start(tag, {_LINE: str(parser.CurrentLineNumber)})

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    content = read_plain(path)
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"{path} is not well-formed xml: {error}") from error
    return builder.close()


def _read_size(root: ElementTree.Element) -> tuple[int, int] | None:
    try:
        rows, columns = (int(float(root.findtext(f"size/{tag}", "0"))) for tag in ("height", "width"))
    except (ValueError, OverflowError):
        return None
    return (rows, columns) if rows > 0 and columns > 0 else None


def _read_object(element: ElementTree.Element) -> VocObject:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise ValueError("the object has no <name>")
    xmin, ymin, xmax, ymax = (_read_number(element, tag) for tag in _TAGS)
    return VocObject(
        name=name,
        corners=(xmin, ymin, xmax, ymax),
        is_difficult=(element.findtext("difficult") or "").strip() == "1",
        line=int(element.get(_LINE, "0")),
    )


def _read_number(element: ElementTree.Element, tag: str) -> float:
    text = element.findtext(f"bndbox/{tag}")
    if text is None:
        raise ValueError(f"the object's <bndbox> has no <{tag}>")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"<{tag}> is {text.strip()!r}, which is not a number") from None
    if not abs(value) < LARGEST_PX:
        raise ValueError(f"<{tag}> is {text.strip()!r}, which is not finite")
    return value
