"""A connection that one thread uses is not closed under it by another one."""

from __future__ import annotations

import threading

from gateway.host.in_use import InUse
from tests.support.waiting import MOST_S


def test_what_is_not_in_use_is_closed_at_once_and_only_once() -> None:
    closed: list[str] = []
    guard = InUse(lambda: closed.append(threading.current_thread().name))
    with guard as is_open:
        assert is_open
    guard.close()
    guard.close()
    assert len(closed) == 1
    with guard as is_open:
        assert not is_open


def test_what_is_in_use_is_closed_by_its_user_when_it_is_done() -> None:
    closed: list[str] = []
    guard, inside, goes_on = (
        InUse(lambda: closed.append(threading.current_thread().name)),
        threading.Event(),
        threading.Event(),
    )

    def use() -> None:
        with guard as is_open:
            assert is_open
            inside.set()
            assert goes_on.wait(MOST_S)
            assert closed == []

    user = threading.Thread(target=use, name="user")
    user.start()
    assert inside.wait(MOST_S)
    guard.close()
    assert closed == [], "it is in use"
    goes_on.set()
    user.join(MOST_S)
    assert closed == ["user"]
