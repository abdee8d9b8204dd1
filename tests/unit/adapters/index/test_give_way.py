"""Upkeep gives way to searches, and goes on when they never end."""

from __future__ import annotations

import sys
import threading

from adapters.index.give_way import Courtesy


def test_upkeep_waits_while_somebody_searches_and_goes_on_after() -> None:
    courtesy, done = Courtesy(), threading.Event()

    def keep_up() -> None:
        list(courtesy.give_way(range(2)))
        done.set()

    thread = threading.Thread(target=keep_up)
    with courtesy.answering():
        thread.start()
        assert not done.is_set()
    assert done.wait(5)
    thread.join()


def test_upkeep_gets_on_under_searches_without_end() -> None:
    courtesy = Courtesy()
    with courtesy.answering():
        assert list(courtesy.give_way(range(120))) == list(range(120))


def test_threads_change_more_often_during_upkeep_and_as_usual_after() -> None:
    courtesy, usual = Courtesy(), sys.getswitchinterval()
    with courtesy.upkeep():
        with courtesy.upkeep():
            assert sys.getswitchinterval() < usual
        assert sys.getswitchinterval() < usual
    assert sys.getswitchinterval() == usual
