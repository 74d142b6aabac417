"""Many texts, such as paths, as bytes in one array: a list of them would take ten times the memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

import numpy as np
from jaxtyping import Int, UInt8


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """Texts in flat arrays.

    Attributes:
        letters: The bytes of all texts, one after the other, UTF-8. Surrogates, which stand for bytes that
            are no text, are kept.
        starts: Where each begins, and the end of the last one.
    """

    letters: UInt8[np.ndarray, " _"]
    starts: Int[np.ndarray, " _"]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """The arrays of some texts."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        starts = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)), out=starts[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Texts": ...
    def __getitem__(self, index: int | slice) -> "str | Texts":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        index = range(len(self))[index]
        span = self.letters[self.starts[index] : self.starts[index + 1]]
        return span.tobytes().decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_list())

    def take(self, rows: Int[np.ndarray, " n"]) -> "Texts":
        """The texts of these rows."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        places = spans(self.starts[:-1][rows], lengths)
        return Texts(self.letters[places], starts)

    def to_list(self) -> list[str]:
        """All texts."""
        letters, starts = self.letters.tobytes(), self.starts.tolist()
        spans_of = pairwise(starts)
        return [letters[start:end].decode("utf-8", "surrogatepass") for start, end in spans_of]


def spans(starts: Int[np.ndarray, " n"], lengths: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    """The numbers of several ranges, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
