"""Signals that ask the program to end: it ends as after Ctrl-C, with its files whole."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_NAMES = ("SIGTERM", "SIGHUP")
"""SIGTERM comes from docker, SLURM and systemd; SIGHUP from a terminal that is closed. Windows lacks some."""


class EndSignals:
    """Turns the first of these signals into a `KeyboardInterrupt` while the block runs; drops later ones.

    Signals that the caller handles or ignores, as `nohup` does, stay as they are.

    Attributes:
        received: Number of the signal that came; 0 for none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._replaced: dict[int, Any] = {}

    @property
    def name(self) -> str:
        """The name of the signal that came: `SIGTERM`."""
        return signal.Signals(self.received).name

    def __enter__(self) -> "EndSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._replaced[number] = signal.signal(number, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._replaced.items():
            signal.signal(number, before)

    def _end(self, number: int, frame: FrameType | None) -> None:
        del frame
        if not self.received:
            self.received = number
            raise KeyboardInterrupt
