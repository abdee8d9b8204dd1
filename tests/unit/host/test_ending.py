"""A stop that hangs ends all the same."""

from __future__ import annotations

import os
import threading

import pytest

from gateway.host.ending import BROKEN, end_within


def test_a_stop_that_hangs_says_so_and_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[BaseException] = []
    ended = threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(os, "_exit", end)
    timer = end_within(said.append, 0.05)
    assert timer.daemon, "a process that ended in time is not kept by it"
    assert ended.wait(20)
    assert codes == [BROKEN]
    assert [getattr(error, "code", "") for error in said] == ["stop-hangs"]
