"""A second limit for each test: it ends a process that hangs in a call which no signal interrupts.

The first is that of pytest-timeout, whose signal ends a wait for a thread, for a lock or in an event loop. A process
that is ended here is replaced by another one, and the test that it ran fails by its name.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

_GRACE_S, _GRACE = 2.0, 0.25


def limit_s(item: pytest.Item) -> float:
    """Return the limit of a test by its mark, else that of all tests; 0 is none."""
    mark = item.get_closest_marker("timeout")
    if mark and mark.args:
        return float(mark.args[0])
    return float(item.config.getoption("timeout") or item.config.getini("timeout") or 0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Print the stacks of all threads and end the process if a test goes on well beyond its limit."""
    if limit := limit_s(item):
        told = item.config.stash.get(fault_handler_stderr_fd_key, 2)
        faulthandler.dump_traceback_later(limit + _GRACE_S + limit * _GRACE, exit=True, file=told)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
