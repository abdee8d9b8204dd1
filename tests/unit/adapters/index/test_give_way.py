"""Upkeep gives way to searches, and goes on when they never end."""

from __future__ import annotations

import sys
import threading

from adapters.index.give_way import SearchPriority
from tests.support.waiting import MOST_S


def test_upkeep_waits_while_somebody_searches_and_goes_on_after() -> None:
    priority, done = SearchPriority(), threading.Event()

    def keep_up() -> None:
        list(priority.give_way(range(2)))
        done.set()

    thread = threading.Thread(target=keep_up)
    with priority.answering():
        thread.start()
        assert not done.is_set()
    assert done.wait(MOST_S)
    thread.join()


def test_upkeep_gets_on_under_searches_without_end() -> None:
    priority = SearchPriority()
    with priority.answering():
        assert list(priority.give_way(range(120))) == list(range(120))


def test_threads_change_more_often_during_upkeep_and_as_usual_after() -> None:
    priority, usual = SearchPriority(), sys.getswitchinterval()
    with priority.upkeep():
        with priority.upkeep():
            assert sys.getswitchinterval() < usual
        assert sys.getswitchinterval() < usual
    assert sys.getswitchinterval() == usual
