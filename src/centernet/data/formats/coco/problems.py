"""What does not make sense in a COCO file, and the one question that is asked of most of its numbers."""

from dataclasses import dataclass, field

from centernet.structures import Defect


@dataclass(frozen=True)
class Problems:
    """What does not make sense in one file, in the order it was met."""

    file: str
    found: list[Defect] = field(default_factory=list)

    def add(self, kind: str, place: str, message: str, action: str = "left out") -> None:
        """Note a defect at a place of the file."""
        self.found.append(Defect(kind=kind, where=f"{self.file}, {place}", message=message, action=action))


def whole_number(value: object) -> int | None:
    """The whole number that a field holds, also where it was written as 1.0 or "1"."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value) if abs(value) < 2**63 else None
    return None
