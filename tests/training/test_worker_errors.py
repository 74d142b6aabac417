"""Errors of worker processes, in a line."""

from pathlib import Path

import pytest
from torch._utils import ExceptionWrapper

from centernet.errors import InputError
from centernet.training.worker_errors import explained


def of_a_worker(error: Exception) -> Exception:
    """The error as a loader raises it that got it from a worker process."""
    try:
        raise error
    except Exception:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(type(error)) as caught:
        wrapped.reraise()
    return caught.value


def test_an_error_of_a_worker_comes_without_its_traceback() -> None:
    told = explained(of_a_worker(InputError("a.png is not a readable image: it is cut short")), Path("run"))
    other = explained(of_a_worker(KeyError("key")), Path("run"))

    assert isinstance(told, InputError)
    assert str(told) == "a.png is not a readable image: it is cut short"
    assert str(other) == "in a worker process: KeyError: 'key'"


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("DataLoader worker (pid 7) is killed by signal: Killed. ", "is killed by signal: Killed"),
        ("DataLoader worker (pid(s) 7, 8) exited unexpectedly", "exited unexpectedly"),
    ],
)
def test_a_worker_that_died_is_told_with_what_to_do(text: str, how: str) -> None:
    told = explained(RuntimeError(text), Path("run"))

    assert isinstance(told, InputError)
    assert str(told) == (
        f"a worker process of the loader {how}: if the system ended it, memory is short: lower workers=, "
        "batch= or cache=; to go on: centernet train resume=run workers=0"
    )


def test_other_errors_are_none_of_a_worker() -> None:
    assert explained(RuntimeError("shapes differ"), Path("run")) is None
