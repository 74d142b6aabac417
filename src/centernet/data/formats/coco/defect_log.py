"""Defects of a COCO file, and the check of its whole numbers."""

from dataclasses import dataclass, field

from centernet.structures import Defect


@dataclass(frozen=True)
class DefectLog:
    """The defects of one file, in the order they were found."""

    file: str
    found: list[Defect] = field(default_factory=list)

    def add(self, kind: str, place: str, message: str, action: str = "left out") -> None:
        """Add a defect at a place of the file."""
        self.found.append(Defect(kind=kind, where=f"{self.file}, {place}", message=message, action=action))


def whole_number(value: object) -> int | None:
    """The value of a field as a whole number, also if written as 1.0 or "1"; None if it is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value) if abs(value) < 2**63 else None
    return None
