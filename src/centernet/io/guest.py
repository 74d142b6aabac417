"""A guest in the process of somebody else: what a call changes there for itself is put back when it ends."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_TORCH_SEED = 67280421310721
"""The seed that torch begins with."""


def guest(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same function, run as by `as_guest`."""

    @wraps(function)
    def run(*values: _Arguments.args, **settings: _Arguments.kwargs) -> _Result:
        with as_guest():
            return function(*values, **settings)

    return run


def seeding_guest(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same function, run as by `as_guest` and `own_random_numbers`."""

    @wraps(function)
    def run(*values: _Arguments.args, **settings: _Arguments.kwargs) -> _Result:
        with as_guest(), own_random_numbers():
            return function(*values, **settings)

    return run


@contextmanager
def as_guest() -> Iterator[None]:
    """Puts back what the block changes in its process, mostly by what it imports.

    That is: levels, handlers and switches of loggers, warning filters, environment variables, the working
    folder, signal handlers, numbers of threads, and torch's switches. For random numbers see
    `own_random_numbers`.
    """
    loggers, environment, folder = _loggers(), dict(os.environ), _folder()
    handlers, switches = _signal_handlers(), _switches()
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for logger, (level, propagate, disabled, own) in loggers.items():
                if logger.level != level:
                    logger.setLevel(level)
                logger.propagate, logger.disabled = propagate, disabled
                logger.handlers[:] = own
            for key in os.environ.keys() | environment:
                if os.environ.get(key) != environment.get(key):
                    os.environ.pop(key, None)
                    os.environ.update({key: environment[key]} if key in environment else {})
            if folder and folder != _folder():
                os.chdir(folder)
            for number, handler in handlers.items():
                if signal.getsignal(number) != handler:
                    signal.signal(number, handler)
            for put_back in switches:
                put_back()


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Leaves the random states of Python, NumPy and torch as they were: the block may seed them and draw."""
    import numpy as np

    torch = sys.modules.get("torch")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the caller's own
    state = torch.get_rng_state() if torch else None
    on_gpus = torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - the caller's own
        torch = sys.modules.get("torch")
        if torch and state is not None:
            torch.set_rng_state(state)
        elif torch:
            torch.manual_seed(_TORCH_SEED)
        if torch and on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)


def _loggers() -> dict[logging.Logger, tuple[int, bool, bool, list[logging.Handler]]]:
    known = [one for one in list(logging.root.manager.loggerDict.values()) if isinstance(one, logging.Logger)]
    return {
        one: (one.level, one.propagate, one.disabled, list(one.handlers)) for one in (logging.root, *known)
    }


def _folder() -> str:
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109 - as it was, also if it is a link
    return ""


def _signal_handlers() -> dict[int, Any]:
    """The handlers that Python knows; only the main thread can set them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in handlers.items() if handler is not None}


def _switches() -> list[Callable[[], object]]:
    """Functions that put back numbers of threads, and switches of torch, of the libraries imported so far."""
    found: list[Callable[[], object]] = []
    if torch := sys.modules.get("torch"):
        threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
        cudnn = torch.backends.cudnn
        flags = {name: getattr(cudnn, name) for name in ("benchmark", "deterministic")}
        found += [
            lambda: torch.get_num_threads() == threads or torch.set_num_threads(threads),
            lambda: (
                torch.get_float32_matmul_precision() == precision
                or torch.set_float32_matmul_precision(precision)
            ),
            *(partial(setattr, cudnn, name, value) for name, value in flags.items()),
        ]
    if cv2 := sys.modules.get("cv2"):
        readers = cv2.getNumThreads()
        found.append(lambda: cv2.getNumThreads() == readers or cv2.setNumThreads(readers))
    return found
