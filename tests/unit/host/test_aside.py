"""Work in a process of its own: its progress, its result, its error; and it ends when it is not wanted."""

from __future__ import annotations

import os
import time

import pytest

from gateway.errors import LiaisonError, Unavailable
from gateway.host.aside import Progress, aside

pytestmark = pytest.mark.process


def work(number: int, progress: Progress) -> tuple[int, int]:
    progress(1, 2)
    return number, os.getpid()


def refuse(_progress: Progress) -> None:
    raise LiaisonError("no", code="refused-here")


def wait(progress: Progress) -> None:
    progress(0, 1)
    time.sleep(600)


def die(_progress: Progress) -> None:
    os._exit(1)


def test_it_tells_its_progress_and_returns_its_result() -> None:
    told: list[tuple[int, int]] = []
    number, process = aside(work, (7,), lambda done, all_: told.append((done, all_)))
    assert (number, told) == (7, [(1, 2)])
    assert process != os.getpid()


def test_its_error_is_raised_here() -> None:
    with pytest.raises(LiaisonError) as caught:
        aside(refuse, (), lambda *_: None)
    assert caught.value.code == "refused-here"


def test_one_that_dies_and_one_that_is_not_wanted_end() -> None:
    with pytest.raises(Unavailable):
        aside(die, (), lambda *_: None)
    told: list[int] = []
    with pytest.raises(Unavailable):
        aside(wait, (), lambda done, _all: told.append(done), lambda: not told)
